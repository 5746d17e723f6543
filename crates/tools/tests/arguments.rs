//! Wrong arguments of every tool: the text and the exit status of each, from `arguments.txt`.

use std::ffi::OsString;
use std::path::PathBuf;

use martlet_tools::flags::{self, ArgumentError, Environment, Request, Tool};
use martlet_tools::{ctrl, passwd, signal};

/// What a program would have done so far: its exit status, and standard error.
type Outcome = Result<(), (u8, String)>;

fn refused(tool: Tool, error: &ArgumentError) -> (u8, String) {
    (1, flags::complaint(tool, error))
}

fn one<E: core::error::Error>(error: &E) -> (u8, String) {
    (1, error.to_string())
}

fn publish(arguments: &[OsString], input: &[u8]) -> Outcome {
    let parsed = flags::publish(arguments, &Environment::default());
    let Request::Run(options) = parsed.map_err(|error| refused(Tool::Publish, &error))? else {
        return Err((1, String::new()));
    };
    options.message(input).map_err(|error| one(&error))?;
    flags::check_tls(Tool::Publish, &options.connection.tls).map_err(|error| one(&error))
}

fn subscribe(arguments: &[OsString]) -> Outcome {
    let parsed = flags::subscribe(arguments, &Environment::default());
    let Request::Run(options) = parsed.map_err(|error| refused(Tool::Subscribe, &error))? else {
        return Err((1, String::new()));
    };
    flags::check_tls(Tool::Subscribe, &options.connection.tls).map_err(|error| one(&error))
}

fn request(arguments: &[OsString], input: &[u8]) -> Outcome {
    let parsed = flags::request(arguments, &Environment::default());
    let Request::Run(options) = parsed.map_err(|error| refused(Tool::Request, &error))? else {
        return Err((1, String::new()));
    };
    options.message(input).map_err(|error| one(&error))?;
    flags::check_tls(Tool::Request, &options.connection.tls).map_err(|error| one(&error))
}

fn control(arguments: &[OsString]) -> Outcome {
    let parsed = flags::control(arguments, &Environment::default());
    let Request::Run(options) = parsed.map_err(|error| refused(Tool::Control, &error))? else {
        return Err((1, String::new()));
    };
    ctrl::parse(&options.command, options.data_file.as_deref())
        .map_err(|error| (error.status(), error.to_string()))?;
    flags::check_tls(Tool::Control, &options.connection.tls).map_err(|error| one(&error))
}

fn run(tool: &str, arguments: &[OsString], input: &[u8]) -> (u8, String) {
    let mut err = Vec::new();
    let status = match tool {
        "passwd" => passwd::main(arguments, &mut passwd::PipedSecrets(input), &mut Vec::new(), &mut err),
        "signal" => {
            let brokers = signal::Brokers { names: &[], is_broker: |_| true };
            signal::main(arguments, brokers, &mut Vec::new(), &mut err)
        }
        _ => {
            let outcome = match tool {
                "pub" => publish(arguments, input),
                "sub" => subscribe(arguments),
                "rr" => request(arguments, input),
                "ctrl" => control(arguments),
                other => panic!("no tool {other}"),
            };
            return outcome.map_or_else(|refusal| refusal, |()| (0, String::new()));
        }
    };
    (status, String::from_utf8(err).expect("errors are UTF-8"))
}

/// `\n` and `\\` as in the table.
fn unescape(text: &str) -> String {
    let mut unescaped = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        unescaped.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    unescaped
}

#[test]
fn wrong_arguments_are_refused_in_mosquittos_words() {
    let mut cases = 0;
    let mut wrong = Vec::new();
    for line in include_str!("arguments.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('|');
        let tool = fields.next().unwrap();
        let status: u8 = fields.next().unwrap().parse().unwrap();
        let words = fields.next().unwrap_or_default().split(' ').filter(|word| !word.is_empty());
        let arguments: Vec<OsString> = words.map(|word| unescape(word).into()).collect();
        let text = unescape(fields.next().unwrap_or_default());
        let input = unescape(fields.next().unwrap_or_default());
        let (actual_status, actual_text) = run(tool, &arguments, input.as_bytes());
        if actual_status != status || !actual_text.contains(&text) {
            wrong.push(format!("{line}\n  {actual_status} {actual_text:?}"));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases > 400, "{cases}");
}

#[test]
fn a_name_of_65536_bytes_is_too_long() {
    let arguments = ["-D".into(), "pwfile".into(), "a".repeat(65_536).into()];
    let (status, text) = run("passwd", &arguments, b"");
    assert_eq!((status, text.as_str()), (1, "Error: Username must be less than 65536 characters long.\n"));
}

/// A folder of its own for the options files of a test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("martlet-tools-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("temporary files can be made");
    folder
}

#[test]
fn an_options_file_comes_first_and_is_overridden() {
    let folder = folder("options");
    let file = "# comment\n-p 1999\n-V mqttv5\n\n-q 1\n-t 03/pub/qos1/test\n-m a message\r\n";
    std::fs::write(folder.join("mosquitto_pub"), file).unwrap();
    let environment = Environment { config_home: Some(folder.clone().into()), home: None };
    let parsed = flags::publish(&["-q".into(), "2".into()], &environment).unwrap();
    let Request::Run(options) = parsed else { panic!("{parsed:?}") };
    assert_eq!(options.connection.address, flags::Address::Tcp { host: "localhost".to_owned(), port: 1999 });
    assert_eq!(options.connection.version, flags::Version::V5);
    assert_eq!((options.qos, options.topic.as_deref()), (2, Some("03/pub/qos1/test")));
    assert_eq!(options.payload, Some(flags::PayloadOption::Text(b"a message".to_vec())));

    // -o takes the place of the file of the environment.
    std::fs::write(folder.join("other"), "-p 2000\n").unwrap();
    let arguments = ["-o".into(), folder.join("other").into_os_string()];
    let parsed = flags::publish(&arguments, &environment).unwrap();
    let Request::Run(options) = parsed else { panic!("{parsed:?}") };
    assert_eq!(options.connection.address, flags::Address::Tcp { host: "localhost".to_owned(), port: 2000 });
    assert_eq!(options.topic, None);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_wrong_options_file_is_refused() {
    let folder = folder("wrong-options");
    std::fs::write(folder.join("mosquitto_ctrl"), "--cert client.crt\n--key\n").unwrap();
    let environment = Environment { config_home: Some(folder.clone().into()), home: None };
    let error = flags::control(&["broker".into()], &environment).unwrap_err();
    assert_eq!(error.to_string(), "Error: --key argument given but no file specified.");

    let environment = Environment { config_home: Some("/nowhere".into()), home: Some("/".into()) };
    let error = flags::control(&["--cert".into(), "client.crt".into()], &environment).unwrap_err();
    let text = "Error: Both certfile and keyfile must be provided if one of them is set.";
    assert_eq!(error.to_string(), text);

    // A flag's value may be called like a module, and a module's arguments are no flags.
    std::fs::write(folder.join("other"), "-p 2000\n").unwrap();
    let other = folder.join("other").into_os_string();
    let arguments = ["-u".into(), "broker".into(), "-o".into(), other, "dynsec".into(), "-o".into()];
    let parsed = flags::control(&arguments, &Environment::default()).unwrap();
    let Request::Run(options) = parsed else { panic!("{parsed:?}") };
    assert_eq!(options.connection.address, flags::Address::Tcp { host: "localhost".to_owned(), port: 2000 });
    assert_eq!(options.command, ["dynsec", "-o"]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_home_directory_has_options_files_too() {
    let environment = Environment { config_home: None, home: Some("/home/me".into()) };
    let path = flags::default_path(Tool::Request, &environment);
    assert_eq!(path, Some(PathBuf::from("/home/me/.config/mosquitto_rr")));
    assert_eq!(flags::default_path(Tool::Request, &Environment::default()), None);
}

#[test]
fn a_signal_reaches_its_process() {
    use std::os::unix::process::ExitStatusExt as _;
    for (name, number) in
        [("config-reload", 1), ("log-rotate", 1), ("shutdown", 2), ("tree-print", 12), ("xtreport", 34)]
    {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let arguments = ["-p".into(), child.id().to_string().into(), name.into()];
        assert_eq!(run("signal", &arguments, b""), (0, String::new()));
        assert_eq!(child.wait().unwrap().signal(), Some(number), "{name}");
    }
    assert_eq!(run("signal", &["-a".into(), "config-reload".into()], b""), (0, String::new()));
}
