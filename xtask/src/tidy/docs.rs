//! The documentation names every limit.

use crate::repository::Repository;

const LIMITS: &str = "crates/engine/src/limits.rs";
const CONFIGURATION: &str = "docs/configuration.md";

pub(crate) fn problems(repository: &Repository) -> Result<Vec<String>, String> {
    let documentation = repository.read(CONFIGURATION)?;
    let limits = limits(&repository.read(LIMITS)?);
    if limits.is_empty() {
        return Err(format!("{LIMITS} has no `pub struct Limits`"));
    }
    let missing = limits.iter().filter(|limit| !documentation.contains(&format!("\n| `{limit}` |")));
    Ok(missing.map(|limit| format!("{CONFIGURATION}: the limit `{limit}` has no row")).collect())
}

/// The fields of `pub struct Limits`.
fn limits(source: &str) -> Vec<String> {
    let body = source.split_once("pub struct Limits {").map_or("", |(_, rest)| rest);
    let lines = body.lines().take_while(|line| *line != "}");
    let fields = lines.filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    fields.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_fields() {
        let source = "pub struct Limits {\n    /// pub x: y\n    pub one_max: u32,\n    pub two: Duration,\n}\npub struct B {\n    pub b: u8,\n}\n";
        assert_eq!(limits(source), ["one_max", "two"]);
    }
}
