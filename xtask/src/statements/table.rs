//! The tables of statements, as text.

use crate::repository::Repository;

/// Whom a statement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
    Both,
}

impl Role {
    /// Whether a broker has to obey.
    pub(crate) const fn binds_a_server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// As tests and exemptions write it: `MQTT-3.1.2-22`, `MQTT311-3.1.2-24`, `s3.3.4`. Sections (`s...`) may repeat.
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    /// What all its ids begin with.
    pub(crate) prefix: &'static str,
    pub(crate) statements: Vec<Statement>,
}

impl Table {
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.statements.iter().any(|statement| statement.id == id)
    }
}

/// A statement that is not tested, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exemption {
    pub(crate) id: String,
    pub(crate) reason: String,
}

pub(crate) fn read(
    repository: &Repository,
    title: &'static str,
    prefix: &'static str,
    file: &str,
) -> Result<Table, String> {
    let statements = parse(&repository.read(file)?, prefix).map_err(|error| format!("{file}:{error}"))?;
    Ok(Table { title, prefix, statements })
}

pub(crate) fn read_exemptions(repository: &Repository, file: &str) -> Result<Vec<Exemption>, String> {
    parse_exemptions(&repository.read(file)?).map_err(|error| format!("{file}:{error}"))
}

/// Rows of id, role and text. The files of both numbered tables say `MQTT-`; `prefix` replaces it.
fn parse(text: &str, prefix: &str) -> Result<Vec<Statement>, String> {
    let mut statements = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = |problem: &str| format!("{}: {problem}", index + 1);
        let [id, role, text] = columns(line).ok_or_else(|| at("three columns are expected"))?;
        let number =
            id.strip_prefix("MQTT-").or_else(|| id.strip_prefix('s')).ok_or_else(|| at("a strange id"))?;
        let role = match role {
            "client" => Role::Client,
            "server" => Role::Server,
            "both" => Role::Both,
            _ => return Err(at("the role is client, server or both")),
        };
        statements.push(Statement { id: format!("{prefix}{number}"), role, text: text.to_owned() });
    }
    Ok(statements)
}

fn parse_exemptions(text: &str) -> Result<Vec<Exemption>, String> {
    let mut exemptions = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let [id, reason] =
            columns(line).ok_or_else(|| format!("{}: id and reason are expected", index + 1))?;
        exemptions.push(Exemption { id: id.to_owned(), reason: reason.to_owned() });
    }
    Ok(exemptions)
}

/// The columns of a line, if there are so many and none is empty.
fn columns<const COUNT: usize>(line: &str) -> Option<[&str; COUNT]> {
    let columns: Vec<&str> = line.split('\t').collect();
    let columns: [&str; COUNT] = columns.try_into().ok()?;
    columns.iter().all(|column| !column.trim().is_empty()).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let rows = parse("MQTT-3.1.2-24\tserver\tThe timeout\n", "MQTT311-").expect("a good row");
        let expected = Statement {
            id: "MQTT311-3.1.2-24".to_owned(),
            role: Role::Server,
            text: "The timeout".to_owned(),
        };
        assert_eq!(rows, [expected]);
        assert_eq!(parse("s3.3.4\tclient\tx\n", "s").expect("a good row")[0].id, "s3.3.4");
    }

    #[test]
    fn bad_rows_are_named() {
        for (row, problem) in [
            ("MQTT-1\tserver", "three columns"),
            ("MQTT-1\tserver\t", "three columns"),
            ("MQTT-1\tbroker\tx", "the role"),
            ("1.2.3\tserver\tx", "a strange id"),
        ] {
            let error = parse(&format!("MQTT-0\tboth\tfine\n{row}\n"), "MQTT-").expect_err("a bad row");
            assert!(error.starts_with("2: ") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn exemptions_are_read() {
        let exemption = Exemption { id: "s6".to_owned(), reason: "no WebSocket".to_owned() };
        assert_eq!(parse_exemptions("s6\tno WebSocket\n"), Ok(vec![exemption]));
        assert_eq!(parse_exemptions("s6\n"), Err("1: id and reason are expected".to_owned()));
    }
}
