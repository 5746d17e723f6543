//! Tables and tests side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claim;
use super::table::{Exemption, Statement, Table};

pub(crate) struct Comparison<'a> {
    tables: &'a [Table],
    exemptions: &'a [Exemption],
    /// The tests of each statement.
    tests: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(tables: &'a [Table], claims: &'a [Claim], exemptions: &'a [Exemption]) -> Self {
        let mut tests = BTreeMap::<_, BTreeSet<_>>::new();
        for claim in claims {
            tests.entry(claim.id.as_str()).or_default().insert(claim.test.as_str());
        }
        Self { tables, exemptions, tests }
    }

    /// One line for each table and each exemption.
    pub(crate) fn report(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.tables.iter().map(|table| self.coverage(table)).collect();
        for Exemption { id, reason } in self.exemptions {
            lines.push(format!("NOT TESTED: {id}: {reason}"));
        }
        lines
    }

    fn coverage(&self, table: &Table) -> String {
        let mut seen = BTreeMap::new();
        let (mut binding, mut covered, mut exempt, mut others) = (0_u32, 0_u32, 0_u32, 0_u32);
        for statement in &table.statements {
            let has_test = self.has_test(statement, &mut seen);
            match (statement.role.binds_a_server(), self.is_exempt(&statement.id)) {
                (true, true) => exempt += 1,
                (true, false) => {
                    binding += 1;
                    covered += u32::from(has_test);
                }
                (false, _) => others += u32::from(has_test),
            }
        }
        let percent = if binding == 0 { 100.0 } else { f64::from(covered) * 100.0 / f64::from(binding) };
        format!(
            "{:20} {covered:3} of {binding:3} statements that bind a server have a test: {percent:5.1} %; \
             {exempt} exempt; {others} of the client's have one too",
            table.title
        )
    }

    /// Statements without a test, and exemptions that are not needed.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for table in self.tables {
            let mut seen = BTreeMap::new();
            for statement in &table.statements {
                let has_test = self.has_test(statement, &mut seen);
                if statement.role.binds_a_server() && !has_test && !self.is_exempt(&statement.id) {
                    problems.push(format!("{} has no test: {}", statement.id, statement.text));
                }
            }
        }
        for Exemption { id, .. } in self.exemptions {
            if !self.tables.iter().any(|table| table.knows(id)) {
                problems.push(format!("the exemption of {id} is of no statement"));
            }
            if self.tests.contains_key(id.as_str()) {
                problems.push(format!("the exemption of {id} is not needed: it has a test"));
            }
        }
        problems
    }

    /// Whether a test is left for this row. A section of the unnumbered table has several rows, and needs as many
    /// tests; `seen` counts its rows so far.
    fn has_test<'s>(&self, statement: &'s Statement, seen: &mut BTreeMap<&'s str, usize>) -> bool {
        let row = seen.entry(&statement.id).or_default();
        *row += 1;
        self.tests.get(statement.id.as_str()).is_some_and(|tests| tests.len() >= *row)
    }

    fn is_exempt(&self, id: &str) -> bool {
        self.exemptions.iter().any(|exemption| exemption.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Role;
    use super::*;

    fn table(rows: &[(&str, Role)]) -> Table {
        let row = |&(id, role): &(&str, Role)| Statement { id: id.to_owned(), role, text: "text".to_owned() };
        Table { title: "T", prefix: "s", statements: rows.iter().map(row).collect() }
    }

    fn claim(test: &str, id: &str) -> Claim {
        Claim { test: test.to_owned(), id: id.to_owned() }
    }

    fn exemption(id: &str) -> Exemption {
        Exemption { id: id.to_owned(), reason: "later".to_owned() }
    }

    #[test]
    fn every_row_of_a_section_needs_a_test() {
        let tables = [table(&[("s1", Role::Server), ("s1", Role::Both), ("s2", Role::Client)])];
        let one = [claim("a", "s1"), claim("a", "s1")];
        assert_eq!(Comparison::new(&tables, &one, &[]).problems(), ["s1 has no test: text"]);
        let two = [claim("a", "s1"), claim("b", "s1")];
        let comparison = Comparison::new(&tables, &two, &[]);
        assert_eq!(comparison.problems(), [""; 0]);
        assert!(comparison.report()[0].contains("2 of   2 statements"), "{:?}", comparison.report());
    }

    #[test]
    fn exemptions_are_counted_apart() {
        let tables = [table(&[("s1", Role::Server), ("s2", Role::Both), ("s3", Role::Client)])];
        let (claims, exemptions) = ([claim("a", "s1"), claim("b", "s3")], [exemption("s2")]);
        let comparison = Comparison::new(&tables, &claims, &exemptions);
        assert_eq!(comparison.problems(), [""; 0]);
        let report = comparison.report();
        assert!(report[0].ends_with("1 of   1 statements that bind a server have a test: 100.0 %; 1 exempt; 1 of the client's have one too"), "{report:?}");
        assert_eq!(report[1], "NOT TESTED: s2: later");
    }

    #[test]
    fn exemptions_without_need_are_problems() {
        let tables = [table(&[("s1", Role::Server)])];
        let (claims, exemptions) = ([claim("a", "s1")], [exemption("s1"), exemption("s9")]);
        assert_eq!(
            Comparison::new(&tables, &claims, &exemptions).problems(),
            ["the exemption of s1 is not needed: it has a test", "the exemption of s9 is of no statement"]
        );
    }
}
