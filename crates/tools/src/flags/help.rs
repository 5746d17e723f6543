//! `--help`, from the table.

use core::fmt::Write as _;

use super::table::{Flag, Tool, ValueKind, flags_of};

/// Where the text of a flag begins, in columns.
const INDENT: usize = 8;
/// The longest line, in characters.
const WIDTH: usize = 90;

/// What a tool is for, in one sentence.
pub(super) const fn purpose(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish => "publishes messages to a topic of an MQTT broker",
        Tool::Subscribe => "subscribes to topics of an MQTT broker and prints the messages",
        Tool::Request => "publishes a request to an MQTT broker and prints the answer",
        Tool::Control => "looks after a running MQTT broker",
    }
}

/// How a tool is called.
pub(super) const fn synopsis(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish => "[flags] {-t topic | -L url} {-m text | -f file | -s | -l | -n}",
        Tool::Subscribe => "[flags] {-t topic | -U topic | -L url}",
        Tool::Request => "[flags] {-t topic | -L url} -e topic {-m text | -f file | -s | -n}",
        Tool::Control => "[flags] [{broker | dynsec} command [arguments]]",
    }
}

/// The text that `--help` prints.
pub fn help(tool: Tool) -> String {
    let program = tool.program();
    let mut text = format!("{program} {}.\n\n", purpose(tool));
    let _ = writeln!(text, "Usage: {program} {}\n       {program} --help\n", synopsis(tool));
    for flag in flags_of(tool) {
        let _ = writeln!(text, "{}", heading(flag));
        for line in wrap(flag.help, WIDTH - INDENT) {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
    }
    if tool == Tool::Control {
        let _ = writeln!(text, "\n{program} broker help and {program} dynsec help list the commands.");
    }
    text
}

/// The names of a flag and what follows it.
fn heading(flag: &Flag) -> String {
    let names: Vec<_> = flag.names().collect();
    let value = match flag.value {
        ValueKind::None => String::new(),
        ValueKind::One { name, .. } => format!(" {name}"),
        ValueKind::Property => " packet name value".to_owned(),
    };
    format!("  {}{value}", names.join(", "))
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines.last().is_some_and(|line| line.chars().count() + word.chars().count() + 1 > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_flag_and_keeps_to_its_width() {
        for tool in Tool::ALL {
            let text = help(tool);
            for name in flags_of(tool).flat_map(Flag::names) {
                assert!(text.contains(name), "{tool:?} {name}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        assert!(!help(Tool::Publish).contains("--latency"));
    }
}
