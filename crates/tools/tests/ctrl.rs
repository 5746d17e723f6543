//! The commands of `mosquitto_ctrl`: requests from `ctrl.txt`, and what is special about some.

use std::ffi::OsString;
use std::path::Path;

use martlet_tools::ctrl::{self, Argument, ControlCommand, DYNSEC_COMMANDS, Module, PasswordNeed};

fn parse(arguments: &str, data_file: Option<&str>) -> ControlCommand {
    let arguments: Vec<OsString> = arguments.split(' ').map(OsString::from).collect();
    ctrl::parse(&arguments, data_file.map(Path::new)).expect("the command is right")
}

#[test]
fn commands_become_requests() {
    let mut cases = 0;
    for line in include_str!("ctrl.txt").lines() {
        let Some((arguments, command)) = line.split_once('|').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let body = match parse(arguments, None) {
            ControlCommand::Broker(command) => command.body(),
            ControlCommand::Dynsec(command) => {
                assert_eq!(command.password_need, PasswordNeed::None, "{arguments}");
                command.body()
            }
            other => panic!("{other:?}"),
        };
        let expected = format!("{{\"commands\":[{command}]}}");
        assert_eq!(String::from_utf8(body).unwrap(), expected, "{arguments}");
        cases += 1;
    }
    assert_eq!(cases, 39);
}

#[test]
fn a_password_that_is_missing_is_asked_for() {
    for (arguments, need) in [
        ("dynsec createClient me", PasswordNeed::Optional),
        ("dynsec setClientPassword me", PasswordNeed::Required),
        ("dynsec init file me", PasswordNeed::Required),
        ("dynsec init file me secret", PasswordNeed::None),
    ] {
        let ControlCommand::Dynsec(mut command) = parse(arguments, None) else { panic!("{arguments}") };
        assert_eq!(command.password_need, need);
        assert_eq!(command.text(Argument::Username), Some("me"));
        if need != PasswordNeed::None {
            command.set_password("secret");
        }
        assert_eq!(command.text(Argument::Password), Some("secret"));
        assert_eq!(command.password_need, PasswordNeed::None);
    }
}

#[test]
fn a_password_in_a_file_has_iterations() {
    let command = parse("dynsec setClientPassword admin newadmin -i 10000", Some("file"));
    let ControlCommand::Dynsec(command) = command else { panic!("{command:?}") };
    assert_eq!(command.iterations, Some(10_000));
}

#[test]
fn without_a_command_there_is_a_shell_and_help_is_a_command() {
    assert_eq!(ctrl::parse(&[], None).unwrap(), ControlCommand::Shell);
    assert_eq!(parse("broker help", None), ControlCommand::Help(Module::Broker));
    assert_eq!(parse("dynsec help", Some("file")), ControlCommand::Help(Module::Dynsec));
    let help = ctrl::help(Module::Dynsec);
    assert!(DYNSEC_COMMANDS.iter().all(|spec| help.contains(spec.name)));
    assert!(help.contains("addRoleACL rolename acltype topic {allow | deny} [priority]"), "{help}");
    assert_eq!(Module::Broker.response_topic(), "$CONTROL/broker/v1/response");
}
