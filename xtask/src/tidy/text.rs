//! The lines of every file.

/// Words that no file may hold: notes to oneself, and the paths of one machine.
const BANNED_WORDS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("db", "g!("),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
];

/// What is wrong with the text of a file.
pub(crate) fn problems(file: &str, content: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        if line.ends_with([' ', '\t', '\r']) {
            problems.push(format!("{place}: white space at the end"));
        }
        for word in BANNED_WORDS {
            if has_word(line, word) {
                problems.push(format!("{place}: `{word}`"));
            }
        }
    }
    if !content.is_empty() && !content.ends_with('\n') {
        problems.push(format!("{file}: the last line does not end"));
    }
    problems
}

/// Whether the word stands in the line, and not inside of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_letter);
        let after = line[at + word.len()..].chars().next().is_some_and(is_letter);
        let (first, last) = (word.starts_with(is_letter), word.ends_with(is_letter));
        !(first && before || last && after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidy_text_passes() {
        assert_eq!(problems("a", "one\n\n  two\n"), [""; 0]);
        assert_eq!(problems("a", ""), [""; 0]);
    }

    #[test]
    fn untidy_text_is_found() {
        assert_eq!(problems("a", "one \ntwo\n"), ["a:1: white space at the end"]);
        assert_eq!(problems("a", "one\ntwo"), ["a: the last line does not end"]);
        assert_eq!(
            problems("a", &format!("// {}: more\n", BANNED_WORDS[0])),
            [format!("a:1: `{}`", BANNED_WORDS[0])]
        );
    }

    #[test]
    fn parts_of_words_are_no_words() {
        assert!(has_word("x = dbg(1)", "dbg("));
        assert!(!has_word("MXXXI", BANNED_WORDS[2]));
        assert!(has_word("path=/a/b", "/a/"));
    }
}
