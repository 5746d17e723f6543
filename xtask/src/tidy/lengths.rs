//! How long files and functions may be.

use super::exceptions::Exceptions;
use crate::source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// What is too long in a file. Tests may be as long as they have to.
pub(crate) fn problems(file: &str, content: &str, code: &str, exceptions: &mut Exceptions) -> Vec<String> {
    if is_test(file) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let lines = source::lines_before_tests(content);
    if lines > FILE_LINES_MAX && !exceptions.allow("file", file, lines) {
        problems.push(format!("{file}: {lines} lines before its tests, {FILE_LINES_MAX} are enough"));
    }
    for function in source::functions(code) {
        let place = format!("{file}::{}", function.name);
        if function.line <= lines
            && function.lines > FUNCTION_LINES_MAX
            && !exceptions.allow("function", &place, function.lines)
        {
            problems.push(format!("{place} has {} lines, {FUNCTION_LINES_MAX} are enough", function.lines));
        }
    }
    problems
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, content: &str, exceptions: &str) -> Vec<String> {
        let mut exceptions = Exceptions::parse(&format!("header\n{exceptions}")).expect("good lines");
        problems(file, content, &source::code_only(content), &mut exceptions)
    }

    #[test]
    fn long_files_are_found() {
        let long = "// line\n".repeat(601);
        assert_eq!(check("a.rs", &long, "").len(), 1);
        assert_eq!(check("a.rs", &long, "file\ta.rs\t601\ta table\n").len(), 0);
        assert_eq!(check("a/tests/b.rs", &long, "").len(), 0);
        assert_eq!(check("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n"), "").len(), 0);
    }

    #[test]
    fn long_functions_are_found() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "x();\n".repeat(lines - 2));
        assert_eq!(check("a.rs", &function(70), ""), [""; 0]);
        assert_eq!(check("a.rs", &function(71), ""), ["a.rs::f has 71 lines, 70 are enough"]);
        assert_eq!(check("a.rs", &function(71), "function\ta.rs::f\t71\ta match\n"), [""; 0]);
        assert_eq!(check("a.rs", &format!("#[cfg(test)]\n{}", function(71)), ""), [""; 0]);
    }
}
