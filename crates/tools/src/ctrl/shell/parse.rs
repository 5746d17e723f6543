//! From a line to a step.

use super::{Query, Shell, Step, Target, help};
use crate::ctrl::dynsec::{self, DynsecCommand, DynsecRequest, PasswordNeed};
use crate::ctrl::dynsec_table::{Argument, CommandSpec, DYNSEC_COMMANDS, SHELL_COMMANDS};
use crate::ctrl::{BrokerCommand, ControlError, Module};
use crate::json::Json;

/// A command that is no question to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Auth,
    Connect,
    Enter(Module),
    Disconnect,
    Return,
    Help,
    Exit,
}

/// The shell's own commands where it is, each with its name.
pub(super) fn own_commands(shell: &Shell) -> Vec<(&'static str, Own)> {
    let mut commands = match (&shell.broker, shell.module) {
        (None, _) => vec![("auth", Own::Auth), ("connect", Own::Connect)],
        (Some(_), None) => Module::ALL.map(|module| (module.name(), Own::Enter(module))).to_vec(),
        (Some(_), Some(_)) => vec![("return", Own::Return)],
    };
    if shell.broker.is_some() {
        commands.push(("disconnect", Own::Disconnect));
    }
    commands.extend([("help", Own::Help), ("exit", Own::Exit)]);
    commands
}

/// The commands of the module `dynsec` as the shell has them.
pub(super) fn dynsec_commands() -> impl Iterator<Item = &'static CommandSpec> {
    let replaced = |spec: &&CommandSpec| {
        spec.request == DynsecRequest::Init
            || SHELL_COMMANDS.iter().any(|other| other.request == spec.request)
    };
    SHELL_COMMANDS.iter().chain(DYNSEC_COMMANDS.iter().filter(move |spec| !replaced(spec)))
}

/// Finds out what a line asks for.
pub(super) fn step(shell: &Shell, line: &str) -> Step {
    let mut words = line.split_whitespace();
    let Some(name) = words.next() else { return Step::Nothing };
    let argument = words.next();
    let own = own_commands(shell).into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    match own {
        Some((_, Own::Auth)) => Step::Login { username: argument.map(str::to_owned) },
        Some((_, Own::Connect)) => match argument.map(Target::parse).transpose() {
            Ok(target) => Step::Connect(target),
            Err(error) => Step::Complain(format!("{error}\n")),
        },
        Some((_, Own::Enter(module))) => Step::Enter(module),
        Some((_, Own::Disconnect)) => Step::Disconnect,
        Some((_, Own::Return)) => Step::Leave,
        Some((_, Own::Help)) => help::help(shell, argument),
        Some((_, Own::Exit)) => Step::Exit,
        None => ask(shell.module, name, line.trim_start()[name.len()..].trim()),
    }
}

fn ask(module: Option<Module>, name: &str, rest: &str) -> Step {
    let unknown = || Step::Complain(format!("Unknown command '{name}'\n"));
    match module {
        Some(Module::Broker) => {
            BrokerCommand::named(name).map_or_else(unknown, |command| Step::Ask(Query::Broker(command)))
        }
        Some(Module::Dynsec) => {
            let Some(spec) = dynsec_commands().find(|spec| spec.name.eq_ignore_ascii_case(name)) else {
                return unknown();
            };
            match request(spec, rest) {
                Ok(command) => Step::Ask(Query::Dynsec(command)),
                Err(ControlError::Invalid { detail }) => Step::Complain(format!("{spec}\n{detail}\n")),
                Err(_) => Step::Complain(format!("{spec}\n")),
            }
        }
        None => unknown(),
    }
}

/// Reads the arguments of a command of the module `dynsec`.
fn request(spec: &'static CommandSpec, rest: &str) -> Result<DynsecCommand, ControlError> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let mut command = DynsecCommand::new(spec.request, spec.name);
    let taken = words.len() - dynsec::positional(spec, &words, &mut command)?.len();
    let rest = after_words(rest, taken);
    match spec.request {
        DynsecRequest::AddRoleAcl => acl(spec, rest, &mut command)?,
        DynsecRequest::RemoveRoleAcl => topic(spec, rest, &mut command)?,
        DynsecRequest::ModifyClient | DynsecRequest::ModifyGroup | DynsecRequest::ModifyRole => {
            return modified(spec, &words, rest);
        }
        _ if !rest.is_empty() => return Err(ControlError::Usage { command: *spec }),
        DynsecRequest::CreateClient if command.text(Argument::Password).is_none() => {
            command.password_need = PasswordNeed::Optional;
        }
        DynsecRequest::SetClientPassword if command.text(Argument::Password).is_none() => {
            command.password_need = PasswordNeed::Required;
        }
        _ => {}
    }
    Ok(command)
}

/// `[priority] topic`. A topic may have spaces, and may be a number.
fn acl(spec: &CommandSpec, rest: &str, command: &mut DynsecCommand) -> Result<(), ControlError> {
    let (first, further) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match first.parse::<i32>() {
        Ok(priority) if !further.is_empty() => {
            topic(spec, further.trim_start(), command)?;
            command.push(Argument::Priority.name(), Json::from(priority));
            Ok(())
        }
        _ => topic(spec, rest, command),
    }
}

fn topic(spec: &CommandSpec, rest: &str, command: &mut DynsecCommand) -> Result<(), ControlError> {
    if rest.is_empty() {
        return Err(ControlError::Usage { command: *spec });
    }
    command.push(Argument::Topic.name(), Json::from(rest));
    Ok(())
}

/// `name property value`, where the value is all that follows.
fn modified(spec: &'static CommandSpec, words: &[&str], value: &str) -> Result<DynsecCommand, ControlError> {
    let [name, property, ..] = words else { return Err(ControlError::Usage { command: *spec }) };
    let invalid = |what: &str, text: &str| ControlError::Invalid { detail: format!("{what} '{text}'") };
    let known = properties(spec.request).iter().find(|known| known.eq_ignore_ascii_case(property));
    let known = *known.ok_or_else(|| invalid("Unknown property", property))?;
    let value = match (known, value) {
        (ALLOW_WILDCARD, "true") => Json::Bool(true),
        (ALLOW_WILDCARD, "false") => Json::Bool(false),
        (ALLOW_WILDCARD, _) => return Err(invalid("Invalid value", value)),
        _ => Json::from(value),
    };
    let mut command = DynsecCommand::new(spec.request, spec.name);
    command.push(spec.required[0].name(), Json::from(*name));
    command.push(known, value);
    Ok(command)
}

const ALLOW_WILDCARD: &str = "allowWildcardSubs";

/// What a request can modify.
pub(super) const fn properties(request: DynsecRequest) -> &'static [&'static str] {
    match request {
        DynsecRequest::ModifyRole => &["textName", "textDescription", ALLOW_WILDCARD],
        _ => &["textName", "textDescription"],
    }
}

/// What is behind so many words.
fn after_words(text: &str, count: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..count {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    rest
}
