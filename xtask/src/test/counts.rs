//! How many tests ran, read from what the test runners print.

use core::fmt;

/// Tests that passed, and those that did not run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    tests: u32,
    skipped: u32,
    doc_tests: u32,
    doc_tests_skipped: u32,
}

/// Whether a line of nextest or of libtest sums up.
pub(crate) fn is_summary(line: &str) -> bool {
    line.trim_start().starts_with("Summary [") || line.starts_with("test result: ")
}

impl Counts {
    /// Takes the summaries of a run; one without any test is an error.
    pub(crate) fn add_tests(&mut self, summaries: &[String]) -> Result<(), String> {
        self.tests += sum(summaries, "passed");
        self.skipped += sum(summaries, "skipped") + sum(summaries, "ignored");
        if self.tests == 0 { Err("no test ran".to_owned()) } else { Ok(()) }
    }

    /// Takes the summaries of a run of examples in the documentation.
    pub(crate) fn add_doc_tests(&mut self, summaries: &[String]) {
        self.doc_tests += sum(summaries, "passed");
        self.doc_tests_skipped += sum(summaries, "ignored");
    }
}

/// The sum of the numbers in front of this word.
fn sum(summaries: &[String], word: &str) -> u32 {
    let mut sum = 0;
    for summary in summaries {
        let words: Vec<&str> =
            summary.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let counts = words.windows(2).filter(|pair| pair[1] == word);
        sum += counts.filter_map(|pair| pair[0].parse::<u32>().ok()).sum::<u32>();
    }
    sum
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tests, skipped, doc_tests, doc_tests_skipped } = self;
        write!(f, "{tests} tests passed, {skipped} skipped; ")?;
        write!(f, "{doc_tests} doc tests passed, {doc_tests_skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_nextest_are_read() {
        let line = "     Summary [  12.345s] 321 tests run: 321 passed (2 slow, 1 flaky), 3 skipped";
        assert!(is_summary(line));
        let mut counts = Counts::default();
        counts.add_tests(&[line.to_owned()]).expect("tests ran");
        assert_eq!(counts, Counts { tests: 321, skipped: 3, ..Counts::default() });
    }

    #[test]
    fn summaries_of_libtest_are_added_up() {
        let line =
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert!(is_summary(line));
        let mut counts = Counts::default();
        counts.add_tests(&[line.to_owned(), line.to_owned()]).expect("tests ran");
        counts.add_doc_tests(&[line.to_owned()]);
        assert_eq!(counts.to_string(), "14 tests passed, 2 skipped; 7 doc tests passed, 1 skipped");
    }

    #[test]
    fn a_run_without_tests_is_an_error() {
        assert!(Counts::default().add_tests(&[]).is_err());
        assert!(!is_summary("running 3 tests"));
    }
}
