//! Manual pages in roff, from the table.

use core::fmt::Write as _;

use super::help::{purpose, synopsis};
use super::table::{Tool, ValueKind, flags_of};

/// The manual page of a tool, for section 1.
pub fn manual_page(tool: Tool) -> String {
    let program = tool.program();
    let mut page =
        format!(".TH {} 1 \"\" \"Martlet {}\"\n", program.to_uppercase(), env!("CARGO_PKG_VERSION"));
    let _ = writeln!(page, ".SH NAME\n{program} \\- {}", escape(purpose(tool)));
    let _ = writeln!(page, ".SH SYNOPSIS\n.B {program}\n{}", escape(synopsis(tool)));
    let _ = writeln!(page, ".SH OPTIONS");
    for flag in flags_of(tool) {
        let names: Vec<_> = flag.names().map(|name| format!("\\fB{}\\fR", escape(name))).collect();
        let value = match flag.value {
            ValueKind::None => String::new(),
            ValueKind::One { name, .. } => format!(" \\fI{}\\fR", escape(name)),
            ValueKind::Property => " \\fIpacket name value\\fR".to_owned(),
        };
        let _ = writeln!(page, ".TP\n{}{value}\n{}", names.join(", "), escape(flag.help));
    }
    let _ = writeln!(
        page,
        ".SH FILES\n.TP\n\\fI$XDG_CONFIG_HOME/{program}\\fR, \\fI$HOME/.config/{program}\\fR\n\
         Flags to begin with, one a line, followed by its value. Lines that begin with # are comments."
    );
    let _ = writeln!(page, ".SH EXIT STATUS\n{}", escape(exit_status(tool)));
    page
}

const fn exit_status(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish | Tool::Request | Tool::Subscribe => {
            "0 if all went well; 1 for wrong arguments, --help and --version; 27 if the time of -W was up; the reason \
             code of the broker if it refused the connection."
        }
        Tool::Control => "0 if all went well; 1 for wrong arguments; 13 if the module has no such command.",
    }
}

/// Protects what roff would take for a request.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_an_entry_for_each_flag() {
        for tool in Tool::ALL {
            let page = manual_page(tool);
            assert_eq!(page.matches(".TP\n").count(), flags_of(tool).count() + 1);
            assert!(page.starts_with(".TH MOSQUITTO_"));
        }
        assert_eq!(escape(".a-b\\"), "\\&.a\\-b\\e");
    }
}
