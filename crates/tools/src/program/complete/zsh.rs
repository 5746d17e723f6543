//! The Z shell.

use core::fmt::Write as _;

use super::{Suite, function, hint, words};
use crate::program::{Hint, Operand, Program};

pub(super) fn script(suite: &Suite) -> String {
    let main = &suite.main.name;
    let aliases = suite.commands.iter().filter_map(|command| command.alias);
    let names: Vec<_> = [main, &suite.alias.name].into_iter().map(String::as_str).chain(aliases).collect();
    let mut text = format!("#compdef {}\n", names.join(" "));
    let broker = function(main, "broker");
    text.push_str(&define(&broker, &suite.main));
    let alias = function(&suite.alias.name, "broker");
    text.push_str(&define(&alias, &suite.alias));
    let (mut services, mut cases, mut described) = (String::new(), String::new(), String::new());
    for command in &suite.commands {
        let function = function(main, command.name);
        text.push_str(&define(&function, &command.program));
        if let Some(alias) = command.alias {
            let _ = writeln!(services, "    {alias}) {function}; return ;;");
        }
        let _ = writeln!(cases, "    {}) {function} ;;", command.name);
        let about = quoted(command.about).replace(':', "\\:");
        let _ = writeln!(described, "      '{}:{about}'", command.name);
    }
    let _ = write!(
        text,
        "_{main}() {{\n  case $service in\n{services}    {}) {alias}; return ;;\n  esac\n  \
         if (( CURRENT == 2 )); then\n    local -a commands=(\n{described}    )\n    \
         _describe command commands\n    {broker}\n    return\n  fi\n  \
         local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  \
         case $command in\n{cases}    *) {broker} ;;\n  esac\n}}\n\
         if [[ ${{funcstack[1]}} == _{main} ]]; then\n  _{main} \"$@\"\nelse\n  compdef _{main} {}\nfi\n",
        suite.alias.name,
        names.join(" ")
    );
    text
}

fn define(function: &str, program: &Program) -> String {
    let mut text = format!("{function}() {{\n  _arguments");
    for entry in &program.entries {
        let help = quoted(&entry.help).replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        let name = entry.value.as_ref().map_or("", |(name, _)| name).replace(':', "\\:");
        let value = match hint(entry) {
            None => String::new(),
            Some(Hint::Any) => format!(":{name}:"),
            Some(Hint::File) => format!(":{name}:_files"),
            Some(Hint::Directory) => format!(":{name}:_files -/"),
            Some(Hint::Words(words)) => format!(":{name}:({})", words.join(" ")),
        };
        for flag in &entry.names {
            let _ = write!(text, " \\\n    '*{flag}[{help}]{value}'");
        }
    }
    match &program.operand {
        Operand::Nothing => {}
        Operand::File => text.push_str(" \\\n    '*:file:_files'"),
        Operand::Directory => text.push_str(" \\\n    '*:directory:_files -/'"),
        Operand::WordThenFiles(words) => {
            let _ = write!(text, " \\\n    '1:word:({})' \\\n    '*:file:_files'", words.join(" "));
        }
        Operand::Words(_) => {
            let all = words(program)
                .iter()
                .flat_map(|(word, following)| [*word].into_iter().chain(following.iter().copied()));
            let _ = write!(text, " \\\n    '*:word:({})'", all.collect::<Vec<_>>().join(" "));
        }
    }
    text.push_str("\n}\n");
    text
}

fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
