//! Completions for shells, from the table.

use core::fmt::Write as _;

use super::table::{Flag, Hint, Tool, ValueKind, flags_of};

/// A shell that can complete words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// A script that teaches a shell the flags of a tool.
pub fn completions(tool: Tool, shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(tool),
        Shell::Zsh => zsh(tool),
        Shell::Fish => fish(tool),
    }
}

fn bash(tool: Tool) -> String {
    let program = tool.program();
    let mut cases = String::new();
    for flag in flags_of(tool) {
        let names: Vec<_> = flag.names().collect();
        let action = match hint(flag) {
            None => continue,
            Some(Hint::Any) => "COMPREPLY=()".to_owned(),
            Some(Hint::File) => "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")".to_owned(),
            Some(Hint::Directory) => "mapfile -t COMPREPLY < <(compgen -d -- \"$word\")".to_owned(),
            Some(Hint::Words(words)) => {
                format!("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\")", words.join(" "))
            }
        };
        let _ = writeln!(cases, "    {}) {action}; return ;;", names.join("|"));
    }
    let flags: Vec<_> = flags_of(tool).flat_map(Flag::names).collect();
    format!(
        "_{program}() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n  \
         case $before in\n{cases}  esac\n  \
         mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\")\n}}\ncomplete -F _{program} {program}\n",
        flags.join(" ")
    )
}

fn zsh(tool: Tool) -> String {
    let program = tool.program();
    let mut script = format!("#compdef {program}\n_arguments");
    for flag in flags_of(tool) {
        let help =
            flag.help.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        let value = match hint(flag) {
            None => String::new(),
            Some(Hint::Any) => format!(":{}:", value_name(flag)),
            Some(Hint::File) => format!(":{}:_files", value_name(flag)),
            Some(Hint::Directory) => format!(":{}:_files -/", value_name(flag)),
            Some(Hint::Words(words)) => format!(":{}:({})", value_name(flag), words.join(" ")),
        };
        for name in flag.names() {
            let _ = write!(script, " \\\n  '*{name}[{help}]{value}'");
        }
    }
    script.push('\n');
    script
}

fn fish(tool: Tool) -> String {
    let program = tool.program();
    let mut script = format!("complete -c {program} -f\n");
    for flag in flags_of(tool) {
        let _ = write!(script, "complete -c {program}");
        if let Some(short) = flag.short.strip_prefix('-') {
            let _ = write!(script, " -s {short}");
        }
        if let Some(long) = flag.long.strip_prefix("--") {
            let _ = write!(script, " -l {long}");
        }
        match hint(flag) {
            None => {}
            Some(Hint::Any) => script.push_str(" -x"),
            Some(Hint::File) => script.push_str(" -r -F"),
            Some(Hint::Directory) => script.push_str(" -x -a '(__fish_complete_directories)'"),
            Some(Hint::Words(words)) => {
                let _ = write!(script, " -x -a '{}'", words.join(" "));
            }
        }
        let _ = writeln!(script, " -d '{}'", flag.help.replace('\\', "\\\\").replace('\'', "\\'"));
    }
    script
}

/// What a shell can offer after a flag; `None` if the flag stands alone.
const fn hint(flag: &Flag) -> Option<Hint> {
    match flag.value {
        ValueKind::None => None,
        ValueKind::Property => {
            Some(Hint::Words(&["connect", "publish", "subscribe", "unsubscribe", "disconnect", "will"]))
        }
        ValueKind::One { hint, .. } => Some(hint),
    }
}

const fn value_name(flag: &Flag) -> &'static str {
    match flag.value {
        ValueKind::One { name, .. } => name,
        ValueKind::None | ValueKind::Property => "packet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_learns_every_flag() {
        for tool in Tool::ALL {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let script = completions(tool, shell);
                for name in flags_of(tool).flat_map(Flag::names) {
                    assert!(script.contains(name.trim_start_matches('-')), "{tool:?} {shell:?} {name}");
                }
            }
        }
    }

    #[test]
    fn quotes_in_help_do_not_end_the_text() {
        let script = completions(Tool::Publish, Shell::Zsh);
        assert!(script.contains("Nagle'\\''s"));
        assert!(completions(Tool::Publish, Shell::Fish).contains("Nagle\\'s"));
    }
}
