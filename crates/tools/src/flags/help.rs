//! What the tools say about themselves, from the table of flags.

use super::table::{Flag, Tool, ValueKind, flags_of};
use crate::ctrl::{BrokerCommand, DYNSEC_COMMANDS};
use crate::program::{Entry, Hint, Operand, Program};

/// What a tool is for, in one sentence.
const fn purpose(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish => "publishes messages to a topic of an MQTT broker",
        Tool::Subscribe => "subscribes to topics of an MQTT broker and prints the messages",
        Tool::Request => "publishes a request to an MQTT broker and prints the answer",
        Tool::Control => "looks after a running MQTT broker",
        Tool::Play => "publishes what martlet sub --record wrote",
        Tool::Probe => "finds out what an MQTT broker can do, and whether it works",
    }
}

/// How a tool is called.
const fn synopsis(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish => "[flags] {-t topic | -L url} {-m text | -f file | -s | -l | -n}",
        Tool::Subscribe => "[flags] {-t topic | -U topic | -L url}",
        Tool::Request => "[flags] {-t topic | -L url} -e topic {-m text | -f file | -s | -n}",
        Tool::Control => "[flags] [{broker | dynsec} command [arguments]]",
        Tool::Play => "[flags] file",
        Tool::Probe => "[flags] [url | host[:port] | unix:path]",
    }
}

const fn exit_status(tool: Tool) -> &'static str {
    match tool {
        Tool::Publish | Tool::Request | Tool::Subscribe => {
            "0 if all went well; 1 for wrong arguments, --help and --version; 27 if the time of -W was up; the reason \
             code of the broker if it refused the connection."
        }
        Tool::Play => "0 if every message was published; 1 for anything else.",
        Tool::Probe => "0 if everything worked that a broker has to do; 1 for anything else.",
        Tool::Control => {
            "0 if all went well, and also if the broker refused the connection or the request; 1 for wrong flags, --help \
             and --version; 3 for wrong arguments of a command; 8 if TLS failed; 10 if there is no such module; 13 if the \
             module has no such command; 14 if the system cannot connect; 15 if the host is unknown."
        }
    }
}

/// All that there is to say about a tool under a name.
pub fn program(tool: Tool, name: &str) -> Program {
    let file = tool.options_file();
    let mut sections = vec![
        (
            "files",
            format!(
                "Flags are read from $XDG_CONFIG_HOME/{file} or $HOME/.config/{file} first: one a line, followed by its \
                 value. Lines that begin with # are comments."
            ),
        ),
        ("exit status", exit_status(tool).to_owned()),
    ];
    if tool == Tool::Control {
        sections
            .insert(0, ("commands", format!("{name} broker help and {name} dynsec help list the commands.")));
    }
    Program {
        name: name.to_owned(),
        purpose: purpose(tool).to_owned(),
        synopsis: vec![synopsis(tool).to_owned(), "--help".to_owned()],
        entries: flags_of(tool).map(entry).collect(),
        operand: operand(tool),
        sections,
    }
}

/// The text that `--help` prints.
pub fn help(tool: Tool) -> String {
    program(tool, tool.program()).help()
}

fn entry(flag: &Flag) -> Entry {
    Entry {
        names: flag.names().map(str::to_owned).collect(),
        value: match flag.value {
            ValueKind::None => None,
            ValueKind::One { name, hint, .. } => Some((name.to_owned(), hint)),
            ValueKind::Property => {
                let packets = &["connect", "publish", "subscribe", "unsubscribe", "disconnect", "will"];
                Some(("packet name value".to_owned(), Hint::Words(packets)))
            }
        },
        help: flag.help.to_owned(),
    }
}

fn operand(tool: Tool) -> Operand {
    match tool {
        Tool::Play => Operand::File,
        Tool::Control => Operand::Words(vec![
            ("broker", BrokerCommand::ALL.map(BrokerCommand::name).to_vec()),
            ("dynsec", DYNSEC_COMMANDS.iter().map(|spec| spec.name).collect()),
        ]),
        _ => Operand::Nothing,
    }
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
            assert!(text.lines().all(|line| line.chars().count() <= 90), "{text}");
        }
        assert!(!help(Tool::Publish).contains("--latency"));
    }
}
