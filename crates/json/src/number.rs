//! Numbers as C's library prints them.

/// Prints a number as `%.{digits}g` does.
pub(crate) fn general(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let places = i32::try_from(digits).unwrap_or(i32::MAX);
    if (-4..places).contains(&exponent) {
        let decimals = usize::try_from(places - 1 - exponent).unwrap_or(0);
        return without_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.unsigned_abs())
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_numbers_look_as_in_c() {
        for (value, text) in [
            (0.1, "0.1"),
            (1e20, "1e+20"),
            (3_600_000_000.0, "3600000000"),
            (1.5e-7, "1.5e-07"),
            (0.000_123, "0.000123"),
            (-2.5, "-2.5"),
            (0.0, "0"),
        ] {
            assert_eq!(general(value, 15), text);
        }
    }
}
