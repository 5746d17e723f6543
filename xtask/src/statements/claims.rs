//! Which statements the tests claim to cover, read from their source text. The text and not the list of tests that a
//! run prints, because the harness makes several tests of one function.

use super::table::Table;
use crate::source;

/// A test and a statement that it covers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) test: String,
    pub(crate) id: String,
}

/// The claims of one source file, and what is wrong with others.
pub(crate) fn of_source(file: &str, source: &str, tables: &[Table]) -> (Vec<Claim>, Vec<String>) {
    let (mut claims, mut problems) = (Vec::new(), Vec::new());
    let code = source::code_only(source);
    let mut above = Above::default();
    for (index, (line, code)) in source.lines().zip(code.lines()).enumerate() {
        let Some(test) = function_name(code) else {
            above.take(line.trim());
            continue;
        };
        let above = core::mem::take(&mut above);
        let mut wrong = |what: String| problems.push(format!("{file}:{}: {test}: {what}", index + 1));
        let mut ids = above.covers;
        match statement_of_name(test, tables) {
            Name::Statement(id) => ids.push(id),
            Name::Unknown => wrong("names a statement that does not exist".to_owned()),
            Name::Plain => {}
        }
        if above.ignored && !ids.is_empty() {
            wrong("is ignored, so it covers nothing".to_owned());
            continue;
        }
        for id in ids {
            if tables.iter().any(|table| table.knows(&id)) {
                claims.push(Claim { test: format!("{file}::{test}"), id });
            } else {
                wrong(format!("covers {id}, which does not exist"));
            }
        }
    }
    (claims, problems)
}

/// What stands directly above a function.
#[derive(Default)]
struct Above {
    covers: Vec<String>,
    ignored: bool,
}

impl Above {
    fn take(&mut self, line: &str) {
        if let Some(list) = line.strip_prefix("/// Covers:") {
            let ids = list.split(',').map(|id| id.trim().trim_end_matches('.'));
            self.covers.extend(ids.filter(|id| !id.is_empty()).map(str::to_owned));
        } else if line.starts_with("#[ignore") {
            self.ignored = true;
        } else if !line.starts_with("///") && !line.starts_with("#[") {
            *self = Self::default();
        }
    }
}

/// The name of the function that a line declares.
fn function_name(code: &str) -> Option<&str> {
    let code = code.trim_start();
    let code = code.strip_prefix("pub ").unwrap_or(code);
    let code = code.strip_prefix("async ").unwrap_or(code);
    let name = code.strip_prefix("fn ")?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// It names no statement.
    Plain,
    Statement(String),
    Unknown,
}

/// The statement that the name of a test begins with.
fn statement_of_name(test: &str, tables: &[Table]) -> Name {
    let (prefix, rest) = if let Some(rest) = test.strip_prefix("mqtt311_") {
        ("MQTT311-", rest)
    } else if let Some(rest) = test.strip_prefix("mqtt5_") {
        rest.strip_prefix('s')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            .map_or(("MQTT-", rest), |rest| ("s", rest))
    } else {
        return Name::Plain;
    };
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Vec<&str> = rest.split('_').take_while(is_number).collect();
    if numbers.is_empty() {
        return Name::Plain;
    }
    let known = |id: &String| tables.iter().any(|table| table.prefix == prefix && table.knows(id));
    let id = if prefix == "s" {
        // The sentence behind it may begin with a number, so the longest section that exists is meant.
        (1..=numbers.len()).rev().map(|count| format!("s{}", numbers[..count].join("."))).find(known)
    } else {
        // Three numbers for the section, one for the statement.
        let (section, number) = (numbers.get(..3), numbers.get(3));
        section
            .zip(number)
            .map(|(section, number)| format!("{prefix}{}-{number}", section.join(".")))
            .filter(known)
    };
    id.map_or(Name::Unknown, Name::Statement)
}

#[cfg(test)]
mod tests {
    use super::super::table::{Role, Statement};
    use super::*;

    fn tables() -> Vec<Table> {
        let table = |prefix, ids: &[&str]| {
            let row =
                |id: &&str| Statement { id: (*id).to_owned(), role: Role::Both, text: "text".to_owned() };
            Table { title: "", prefix, statements: ids.iter().map(row).collect() }
        };
        vec![
            table("MQTT-", &["MQTT-3.1.2-22", "MQTT-3.1.2-23"]),
            table("MQTT311-", &["MQTT311-3.1.2-24"]),
            table("s", &["s3.3.4", "s6"]),
        ]
    }

    #[test]
    fn names_begin_with_the_statement() {
        let name = |test| statement_of_name(test, &tables());
        assert_eq!(name("mqtt5_3_1_2_22_silence_ends_it"), Name::Statement("MQTT-3.1.2-22".to_owned()));
        assert_eq!(name("mqtt5_3_1_2_22_1_5_times_silence"), Name::Statement("MQTT-3.1.2-22".to_owned()));
        assert_eq!(name("mqtt311_3_1_2_24_silence"), Name::Statement("MQTT311-3.1.2-24".to_owned()));
        assert_eq!(name("mqtt5_s3_3_4_20_are_too_many"), Name::Statement("s3.3.4".to_owned()));
        assert_eq!(name("mqtt5_s6_paths"), Name::Statement("s6".to_owned()));
        assert_eq!(name("mqtt5_3_1_2_24_of_another_version"), Name::Unknown);
        assert_eq!(name("mqtt5_3_1_2_too_short"), Name::Unknown);
        assert_eq!(name("mqtt5_s9_9"), Name::Unknown);
        assert_eq!(name("mqtt5_is_spoken"), Name::Plain);
        assert_eq!(name("sends_pings"), Name::Plain);
    }

    #[test]
    fn claims_come_from_names_and_doc_lines() {
        let source = "
statements! {
    /// Both.
    /// Covers: MQTT-3.1.2-23, MQTT311-3.1.2-24
    #[test]
    fn mqtt5_3_1_2_22_both(broker: &mut Broker) {
        // fn mqtt5_9_9_9_9_in_a_comment() {}
    }

    /// Covers: s6

    fn too_far_away() {}
}
";
        let (claims, problems) = of_source("f.rs", source, &tables());
        let claims: Vec<_> = claims.iter().map(|claim| (claim.test.as_str(), claim.id.as_str())).collect();
        let test = "f.rs::mqtt5_3_1_2_22_both";
        assert_eq!(claims, [(test, "MQTT-3.1.2-23"), (test, "MQTT311-3.1.2-24"), (test, "MQTT-3.1.2-22")]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn wrong_claims_are_told() {
        let source = "\
/// Covers: MQTT-9.9.9-9
fn one() {}
#[ignore = \"slow\"]
fn mqtt5_s6_ignored() {}
fn mqtt5_9_9_9_9_unknown() {}
";
        let (claims, problems) = of_source("f.rs", source, &tables());
        assert_eq!(claims, []);
        assert_eq!(
            problems,
            [
                "f.rs:2: one: covers MQTT-9.9.9-9, which does not exist",
                "f.rs:4: mqtt5_s6_ignored: is ignored, so it covers nothing",
                "f.rs:5: mqtt5_9_9_9_9_unknown: names a statement that does not exist",
            ]
        );
    }
}
