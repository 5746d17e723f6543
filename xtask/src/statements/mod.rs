//! Compares the tests with the statements of the MQTT standards.
//!
//! A test says what it covers by its name (`mqtt5_3_1_2_22_...`, `mqtt311_3_1_2_24_...`, `mqtt5_s3_3_4_...`) or by a
//! line `/// Covers: MQTT-3.1.2-22, MQTT311-3.1.2-24, s3.3.4` of its doc comment. Every statement that binds a
//! server needs a test; no test may name a statement that does not exist.

mod claims;
mod comparison;
mod table;

use crate::repository::{Repository, is_rust};
use claims::Claim;
use comparison::Comparison;
use table::Table;

const FOLDER: &str = "crates/conformance/statements";

pub(crate) fn run(repository: &Repository) -> Result<(), String> {
    let tables = [
        table::read(repository, "MQTT 5.0", "MQTT-", &format!("{FOLDER}/mqtt5-statements.tsv"))?,
        table::read(repository, "MQTT 3.1.1", "MQTT311-", &format!("{FOLDER}/mqtt311-statements.tsv"))?,
        table::read(repository, "MQTT 5.0, unnumbered", "s", &format!("{FOLDER}/mqtt5-unnumbered.tsv"))?,
    ];
    let exemptions = table::read_exemptions(repository, &format!("{FOLDER}/exempt.tsv"))?;
    let (claims, mut problems) = read_claims(repository, &tables)?;

    let comparison = Comparison::new(&tables, &claims, &exemptions);
    for line in comparison.report() {
        println!("{line}");
    }
    problems.extend(comparison.problems());
    if problems.is_empty() {
        return Ok(());
    }
    for problem in &problems {
        eprintln!("statements: {problem}");
    }
    Err(format!("{} statements are not as they should be", problems.len()))
}

fn read_claims(repository: &Repository, tables: &[Table]) -> Result<(Vec<Claim>, Vec<String>), String> {
    let (mut claims, mut problems) = (Vec::new(), Vec::new());
    for file in repository.files()? {
        let parts: Vec<&str> = file.split('/').collect();
        if !matches!(parts[..], ["crates", _, "src" | "tests", ..]) || !is_rust(&file) {
            continue;
        }
        let (found, wrong) = claims::of_source(&file, &repository.read(&file)?, tables);
        claims.extend(found);
        problems.extend(wrong);
    }
    Ok((claims, problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_statements_agree() {
        assert_eq!(run(&Repository::of_this_program()), Ok(()));
    }
}
