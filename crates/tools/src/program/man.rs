//! Manual pages in roff.

use core::fmt::Write as _;

use super::Program;

/// The manual page of a program, for section 1. `more` are the names of pages to see besides.
pub fn manual_page(program: &Program, more: &[String]) -> String {
    let title = program.name.replace(' ', "-");
    let mut page = format!(
        ".TH {} 1 \"\" \"Martlet {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
        escape(&title.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        escape(&title),
        escape(&program.purpose)
    );
    for (place, synopsis) in program.synopsis.iter().enumerate() {
        let separator = if place > 0 { ".br\n" } else { "" };
        let _ = writeln!(page, "{separator}.B {}\n{}", escape(&program.name), escape(synopsis));
    }
    if !program.entries.is_empty() {
        page.push_str(".SH OPTIONS\n");
    }
    for entry in &program.entries {
        let names: Vec<_> = entry.names.iter().map(|name| format!("\\fB{}\\fR", escape(name))).collect();
        let value = entry.value.as_ref().map(|(name, _)| format!(" \\fI{}\\fR", escape(name)));
        let (names, value) = (names.join(", "), value.unwrap_or_default());
        let _ = writeln!(page, ".TP\n{names}{value}\n{}", escape(&entry.help));
    }
    for (heading, text) in &program.sections {
        let _ = writeln!(page, ".SH {}\n{}", escape(&heading.to_uppercase()), escape(text));
    }
    if !more.is_empty() {
        let more: Vec<_> = more.iter().map(|name| format!("\\fB{}\\fR(1)", escape(name))).collect();
        let _ = writeln!(page, ".SH SEE ALSO\n{}", more.join(", "));
    }
    page
}

/// Protects what roff would take for a request or for a hyphen. A line of its own begins a paragraph.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for (place, line) in text.lines().enumerate() {
        if place > 0 {
            escaped.push_str("\n.br\n");
        }
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        escaped.push_str(&line.replace('\\', "\\e").replace('-', "\\-"));
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Tool, flags_of, program};

    #[test]
    fn a_page_has_an_entry_for_each_flag() {
        for tool in Tool::ALL {
            let page = manual_page(&program(tool, tool.program()), &["martlet".to_owned()]);
            assert_eq!(page.matches(".TP\n").count(), flags_of(tool).count());
            let title = tool.program().to_uppercase().replace(' ', "\\-");
            assert!(page.starts_with(&format!(".TH {title} 1 ")), "{page}");
            assert!(page.ends_with(".SH SEE ALSO\n\\fBmartlet\\fR(1)\n"), "{page}");
        }
    }

    #[test]
    fn text_is_no_request_of_roff() {
        assert_eq!(escape(".a-b\\\n'c"), "\\&.a\\-b\\e\n.br\n\\&'c");
    }
}
