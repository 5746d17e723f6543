//! Manual pages in roff.

use core::fmt::Write as _;

use super::Program;

/// The manual page of a program, for section 1. `more` are the names of pages to see besides.
pub fn manual_page(program: &Program, more: &[String]) -> String {
    let mut page = Page::new(&program.name.replace(' ', "-"), 1, &program.purpose);
    page.synopsis(&program.name, &program.synopsis);
    if !program.entries.is_empty() {
        page.heading("options");
    }
    for entry in &program.entries {
        let value = entry.value.as_ref().map(|(name, _)| name.as_str());
        page.entry(&entry.names, value, &entry.help);
    }
    for (heading, text) in &program.sections {
        page.heading(heading);
        page.text(text);
    }
    page.see_also(more.iter().map(|name| (name.as_str(), 1)));
    page.finish()
}

/// A manual page that is being written, from the top.
///
/// Text between backticks is shown in bold letters; a line of its own begins anew.
#[derive(Clone, Debug)]
pub struct Page {
    text: String,
}

impl Page {
    /// A page of a section, about something that is for a purpose.
    pub fn new(title: &str, section: u8, purpose: &str) -> Self {
        let text = format!(
            ".TH {} {section} \"\" \"Martlet {}\"\n.SH NAME\n{} \\- {}\n",
            escape(&title.to_uppercase()),
            env!("CARGO_PKG_VERSION"),
            escape(title),
            escape(purpose)
        );
        Self { text }
    }

    /// Each way to call a program.
    pub fn synopsis(&mut self, program: &str, ways: &[String]) {
        self.heading("synopsis");
        for (place, way) in ways.iter().enumerate() {
            let separator = if place > 0 { ".br\n" } else { "" };
            let _ = writeln!(self.text, "{separator}.B {}\n{}", escape(program), escape(way));
        }
    }

    /// The beginning of a section.
    pub fn heading(&mut self, heading: &str) {
        let _ = writeln!(self.text, ".SH {}", escape(&heading.to_uppercase()));
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) {
        let follows_heading = self.text.lines().next_back().is_some_and(|line| line.starts_with(".SH "));
        let begin = if follows_heading { "" } else { ".PP\n" };
        let _ = writeln!(self.text, "{begin}{}", bold_between_backticks(&escape(text)));
    }

    /// Names, what follows them, and what they are.
    pub fn entry<T: AsRef<str>>(&mut self, names: &[T], value: Option<&str>, help: &str) {
        let names: Vec<_> = names.iter().map(|name| format!("\\fB{}\\fR", escape(name.as_ref()))).collect();
        let value = value.map(|name| format!(" \\fI{}\\fR", escape(name))).unwrap_or_default();
        let help = bold_between_backticks(&escape(help));
        let _ = writeln!(self.text, ".TP\n{}{value}\n{help}", names.join(", "));
    }

    /// Other pages, each with its section.
    pub fn see_also<'a>(&mut self, pages: impl IntoIterator<Item = (&'a str, u8)>) {
        let pages: Vec<_> =
            pages.into_iter().map(|(name, section)| format!("\\fB{}\\fR({section})", escape(name))).collect();
        if !pages.is_empty() {
            self.heading("see also");
            let _ = writeln!(self.text, "{}", pages.join(", "));
        }
    }

    /// The whole page.
    pub fn finish(self) -> String {
        self.text
    }
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

/// Shows what stands between two backticks in bold letters. A backtick without a second one stays.
fn bold_between_backticks(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, code, after)) = rest
        .split_once('`')
        .and_then(|(before, rest)| rest.split_once('`').map(|(code, after)| (before, code, after)))
    {
        let _ = write!(shown, "{before}\\fB{code}\\fR");
        rest = after;
    }
    shown + rest
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

    #[test]
    fn backticks_make_bold_letters_in_pairs() {
        assert_eq!(bold_between_backticks("`a` or `b`, `"), "\\fBa\\fR or \\fBb\\fR, `");
        assert_eq!(bold_between_backticks("none"), "none");
    }
}
