//! Numbers as values of options.

use core::fmt::Display;
use core::str::FromStr;

use super::Problem;

/// Reads a number between two bounds, both included.
pub(super) fn number<N>(option: &str, value: &str, least: N, most: N) -> Result<N, Problem>
where
    N: FromStr + PartialOrd + Display + Copy,
{
    match value.parse::<N>() {
        Ok(number) if least <= number && number <= most => Ok(number),
        _ => {
            let expected = format!("a number from {least} to {most}");
            Err(Problem::Value { option: option.into(), value: value.into(), expected })
        }
    }
}
