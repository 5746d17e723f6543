//! Just enough understanding of Rust source: what is code, where functions are, where tests begin.

/// The source with comments and the insides of literals turned into spaces, line for line.
pub(crate) fn code_only(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let after_word = at > 0 && is_word(characters[at - 1]);
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment_length(rest),
            ['"', ..] => string_length(rest),
            ['r', '"' | '#', ..] if !after_word => raw_string_length(rest, 1),
            ['b' | 'c', 'r', '"' | '#', ..] if !after_word => raw_string_length(rest, 2),
            ['\'', ..] => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(rest[0]);
            at += 1;
        } else {
            code.extend(rest[..length].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at += length;
        }
    }
    code
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn block_comment_length(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of `r"..."` or `r#"..."#` whose prefix has `prefix` letters; 0 when it is none (as `r#type`).
fn raw_string_length(text: &[char], prefix: usize) -> usize {
    let hashes = text[prefix..].iter().take_while(|&&c| c == '#').count();
    if text.get(prefix + hashes) != Some(&'"') {
        return 0;
    }
    let mut at = prefix + hashes + 1;
    while at < text.len() {
        if text[at] == '"' && text[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    text.len()
}

/// The length of a character literal; 0 when the quote begins a lifetime.
fn char_length(text: &[char]) -> usize {
    match text {
        ['\'', '\\', _, ..] => text[3..].iter().position(|&c| c == '\'').map_or(text.len(), |end| end + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// From the line of its `fn` to that of its last brace.
    pub(crate) lines: usize,
}

/// The functions of a source, outer ones before those inside of them. Takes the result of [`code_only`].
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut at = 0;
    while let Some(found) = code[at..].find("fn ") {
        let start = at + found;
        at = start + "fn ".len();
        if code[..start].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let name: String = code[at..].trim_start().chars().take_while(|&c| is_word(c)).collect();
        if name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(code, at) {
            let line = 1 + code[..start].matches('\n').count();
            functions.push(Function { name, line, lines: 1 + code[start..end].matches('\n').count() });
        }
    }
    functions
}

/// The end of the first block after `from`; `None` for a function without a body.
fn body_end(code: &str, from: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (offset, character) in code[from..].char_indices() {
        match character {
            '(' | '[' if braces == 0 => brackets += 1,
            ')' | ']' if braces == 0 => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' if brackets == 0 => braces += 1,
            '}' if brackets == 0 => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return Some(from + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// How many lines stand before the tests at the file's end.
pub(crate) fn lines_before_tests(source: &str) -> usize {
    let tests = source.lines().position(|line| line.starts_with("#[cfg(test)]"));
    tests.unwrap_or_else(|| source.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let source = "a /* { /* { */ */ b \"}\\\"\" // }\nc r#\"{\"}\"# '{' '\\'' 'life br\"}\" r#type";
        let code = code_only(source);
        assert_eq!(code.len(), source.len());
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "'life", "r#type"]);
        assert_eq!(code.matches('\n').count(), 1);
    }

    #[test]
    fn functions_have_lengths() {
        let source = "\
pub(crate) fn one() {}
trait T { fn none(&self) -> [u8; 2]; }
fn two<'a>(x: [u8; 2]) -> &'a str
where
    T: Copy,
{
    let f = || { 1 };
    fn inner() {
    }
}
macro_rules! m { ($name:ident) => { fn $name() {} } }
type F = fn(u8) -> u8;
";
        let found = functions(&code_only(source));
        let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("one", 1, 1), ("two", 3, 8), ("inner", 8, 2)]);
    }

    #[test]
    fn tests_at_the_end_are_not_counted() {
        assert_eq!(lines_before_tests("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
        assert_eq!(lines_before_tests("a\nb\n"), 2);
    }
}
