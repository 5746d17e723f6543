//! Bash, from version 4 on.

use core::fmt::Write as _;

use super::{Suite, flag_names, function, hint, words};
use crate::program::{Hint, Operand, Program};

/// Sets the words that are offered to those of a list that begin like the one at the cursor.
const OFFER: &str =
    "_martlet_offer() {\n  mapfile -t COMPREPLY < <(compgen \"$@\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n";

pub(super) fn script(suite: &Suite) -> String {
    let main = &suite.main.name;
    let mut text = OFFER.to_owned();
    let broker = function(main, "broker");
    text.push_str(&define(&broker, &suite.main));
    let alias = function(&suite.alias.name, "broker");
    text.push_str(&define(&alias, &suite.alias));
    let (mut cases, mut aliases) = (String::new(), format!("complete -F {alias} {}\n", suite.alias.name));
    for command in &suite.commands {
        let function = function(main, command.name);
        text.push_str(&define(&function, &command.program));
        let _ = writeln!(cases, "    {}) {function} ;;", command.name);
        if let Some(alias) = command.alias {
            let _ = writeln!(aliases, "complete -F {function} {alias}");
        }
    }
    let names: Vec<_> =
        suite.commands.iter().map(|command| command.name).chain(flag_names(&suite.main)).collect();
    let _ = write!(
        text,
        "_{main}() {{\n  if (( COMP_CWORD == 1 )); then\n    _martlet_offer -W '{}'\n    return\n  fi\n  \
         case ${{COMP_WORDS[1]}} in\n{cases}    *) {broker} ;;\n  esac\n}}\ncomplete -F _{main} {main}\n{aliases}",
        names.join(" ")
    );
    text
}

fn define(function: &str, program: &Program) -> String {
    let mut cases = String::new();
    for entry in &program.entries {
        let action = match hint(entry) {
            None => continue,
            Some(Hint::Any) => "COMPREPLY=()".to_owned(),
            Some(Hint::File) => FILES.to_owned(),
            Some(Hint::Directory) => DIRECTORIES.to_owned(),
            Some(Hint::Words(words)) => format!("_martlet_offer -W '{}'", words.join(" ")),
        };
        let _ = writeln!(cases, "    {}) {action}; return ;;", entry.names.join("|"));
    }
    for (word, following) in words(program).iter().filter(|(_, following)| !following.is_empty()) {
        let _ = writeln!(cases, "    {word}) _martlet_offer -W '{}'; return ;;", following.join(" "));
    }
    let first_words = words(program).iter().map(|(word, _)| *word);
    let offered: Vec<_> = first_words.chain(flag_names(program)).collect();
    let flags = format!("_martlet_offer -W '{}'", offered.join(" "));
    let default = match &program.operand {
        Operand::File => with_names(FILES, &flags),
        Operand::Directory => with_names(DIRECTORIES, &flags),
        Operand::WordThenFiles(words) => {
            let is_there: Vec<_> = words.iter().map(|word| format!("*\" {word} \"*")).collect();
            format!(
                "case \" ${{COMP_WORDS[*]:1:COMP_CWORD-1}} \" in\n    {}) {} ;;\n    *) _martlet_offer -W '{}' ;;\n  esac",
                is_there.join("|"),
                with_names(FILES, &flags),
                words.join(" ")
            )
        }
        Operand::Nothing | Operand::Words(_) => flags,
    };
    format!("{function}() {{\n  case ${{COMP_WORDS[COMP_CWORD-1]}} in\n{cases}  esac\n  {default}\n}}\n")
}

const FILES: &str = "compopt -o filenames; _martlet_offer -f";
const DIRECTORIES: &str = "compopt -o filenames; _martlet_offer -d";

/// Names where a word begins without a dash, and flags where it begins with one.
fn with_names(names: &str, flags: &str) -> String {
    format!("case ${{COMP_WORDS[COMP_CWORD]}} in\n    -*) {flags} ;;\n    *) {names} ;;\n  esac")
}
