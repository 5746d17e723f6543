//! Completing the last word of a line.

use super::parse::{dynsec_commands, own_commands, properties};
use super::{Known, Shell};
use crate::ctrl::dynsec::acl_types;
use crate::ctrl::dynsec_table::{Argument, CommandSpec};
use crate::ctrl::{BrokerCommand, Module};

/// The words that can stand at the end of a line, and where the word begins that they would replace.
pub(super) fn complete(shell: &Shell, line: &str) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |place| place + 1);
    let (before, word) = line.split_at(start);
    let mut words = before.split_whitespace();
    let candidates = match words.next() {
        None => commands(shell),
        Some(name) if name.eq_ignore_ascii_case("help") && words.next().is_none() => commands(shell),
        Some(name) => arguments(shell, name, words.count()),
    };
    let fits = |candidate: &String| {
        candidate.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    (start, candidates.into_iter().filter(fits).collect())
}

/// The names of all commands where the shell is.
pub(super) fn commands(shell: &Shell) -> Vec<String> {
    let asked: Vec<&str> = match shell.module {
        None => Vec::new(),
        Some(Module::Broker) => BrokerCommand::ALL.map(BrokerCommand::name).to_vec(),
        Some(Module::Dynsec) => dynsec_commands().map(|spec| spec.name).collect(),
    };
    let own = own_commands(shell).into_iter().map(|(name, _)| name);
    let mut names: Vec<String> = asked.into_iter().chain(own).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// What can stand in the place of an argument, counted from 0.
fn arguments(shell: &Shell, name: &str, place: usize) -> Vec<String> {
    if shell.module != Some(Module::Dynsec) {
        return Vec::new();
    }
    let Some(spec) = dynsec_commands().find(|spec| spec.name.eq_ignore_ascii_case(name)) else {
        return Vec::new();
    };
    let argument = spec.required.iter().chain(spec.optional).nth(place);
    argument.map_or_else(Vec::new, |argument| values(spec, *argument, &shell.known))
}

fn values(spec: &CommandSpec, argument: Argument, known: &Known) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match argument {
        Argument::Username => known.clients.clone(),
        Argument::Groupname => known.groups.clone(),
        Argument::Rolename => known.roles.clone(),
        Argument::AclType => words(acl_types(spec.request)),
        Argument::Access => words(&["allow", "deny"]),
        Argument::Property => words(properties(spec.request)),
        _ => Vec::new(),
    }
}
