//! Variables of the environment in values.
//!
//! `${NAME}` becomes the value of the variable `NAME`. If there is none, but one `NAME_FILE`, it becomes the content of the
//! file that this one names, without the line breaks at its end: so containers are given their secrets. `$${` becomes
//! `${`. Any other `$` is only that, so `$SYS` needs no care.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::problem::{EnvironmentProblem, Problem};

/// How variables are looked up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Looks up a variable of this process.
pub(super) fn of_process(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// Puts the values of variables into a text; `None` if there are none in it.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> Result<Option<String>, Problem> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        expanded.push_str(&rest[..at]);
        let behind = &rest[at + 2..];
        if rest[..at].ends_with('$') {
            expanded.push('{');
            rest = behind;
            continue;
        }
        let problem = |name: &str, cause| Problem::Environment { name: name.into(), cause };
        let Some((name, behind)) = behind.split_once('}') else {
            return Err(problem(behind, EnvironmentProblem::Syntax));
        };
        if !is_name(name) {
            return Err(problem(name, EnvironmentProblem::Syntax));
        }
        expanded.push_str(&value(name, lookup).map_err(|cause| problem(name, cause))?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(Some(expanded))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn value(name: &str, lookup: Lookup<'_>) -> Result<String, EnvironmentProblem> {
    if let Some(value) = lookup(name) {
        return value.into_string().map_err(|_| EnvironmentProblem::Text);
    }
    let path: PathBuf = lookup(&format!("{name}_FILE")).ok_or(EnvironmentProblem::Unset)?.into();
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) => return Err(EnvironmentProblem::File(path, cause)),
    };
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<OsString> {
        match name {
            "PORT" => Some("1884".into()),
            "EMPTY" => Some(OsString::new()),
            "SECRET_FILE" => Some(format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR")).into()),
            "LOST_FILE" => Some("/nonexistent/secret".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_become_their_values() {
        let table: &[(&str, Option<&str>)] = &[
            ("1883", None),
            ("$SYS/broker $x", None),
            ("${PORT}", Some("1884")),
            ("a${PORT}b${EMPTY}c", Some("a1884bc")),
            ("$${PORT}", Some("${PORT}")),
        ];
        for (text, expected) in table {
            assert_eq!(expand(text, &lookup).unwrap().as_deref(), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_may_hold_the_value() {
        let text = expand("${SECRET}", &lookup).unwrap().unwrap();
        assert!(text.starts_with("[package]\n") && !text.ends_with('\n'), "{text:?}");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let table: &[(&str, &str)] = &[
            ("${PORT", "`${PORT}` names no variable of the environment"),
            ("${}", "`${}` names no variable of the environment"),
            ("${A B}", "`${A B}` names no variable of the environment"),
            ("${NO}", "`${NO}` is no variable of the environment, not even with _FILE behind it"),
        ];
        for (text, expected) in table {
            let message = expand(text, &lookup).unwrap_err().to_string();
            assert_eq!(message, *expected);
        }
        let message = expand("${LOST}", &lookup).unwrap_err().to_string();
        assert!(message.contains("/nonexistent/secret, which cannot be read"), "{message}");
    }
}
