//! `martlet acl FILE USER TOPIC`: what a user may do with a topic, and which line decides it.

use core::fmt::Write as _;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use martlet_access::{AccessList, Action, Ruling, Who};
use martlet_dynsec as dynsec;
use martlet_engine::is_reserved;
use martlet_server::config::{Configuration, Dialect, ListenerSettings, Plan};
use martlet_server::{Admission, Authority};
use martlet_wire::TopicName;

use crate::{EXIT_USAGE, say};

/// Neither reading nor writing is allowed.
const EXIT_DENIED: u8 = 1;

const USAGE: &str = "\
Tells what a client may do with a topic, and which line decides it.

Usage: martlet acl FILE USER TOPIC [--client-id ID]

FILE is an access control list, or a configuration that names some: then each listener is told of. USER is a user name, or
\"\" for a client without one. --client-id tells the Client Identifier, for lines with %c.

Exit codes: 0 if the client may read or write it, 1 if it may do neither, 3 if something is wrong.
";

/// What is asked.
struct Query {
    file: String,
    user_name: Option<String>,
    topic: String,
    client_identifier: String,
}

impl Query {
    fn who(&self) -> Who<'_> {
        Who { client_identifier: &self.client_identifier, user_name: self.user_name.as_deref() }
    }
}

/// Answers what a user may do.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    if matches!(arguments, [help] if help == "--help" || help == "-h") {
        say(io::stdout(), USAGE);
        return ExitCode::SUCCESS;
    }
    let Some(query) = query(arguments) else {
        say(io::stderr(), USAGE);
        return ExitCode::from(EXIT_USAGE);
    };
    match answer(&query) {
        Ok((text, is_allowed)) => {
            say(io::stdout(), text);
            if is_allowed { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DENIED) }
        }
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}\n"));
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn query(arguments: &[OsString]) -> Option<Query> {
    let mut words = Vec::new();
    let mut client_identifier = String::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_str()?;
        match text.strip_prefix("--client-id") {
            Some("") => rest.next()?.to_str()?.clone_into(&mut client_identifier),
            Some(value) => value.strip_prefix('=')?.clone_into(&mut client_identifier),
            None => words.push(text.to_owned()),
        }
    }
    let [file, user_name, topic] = words.try_into().ok()?;
    Some(Query { file, user_name: Some(user_name).filter(|name| !name.is_empty()), topic, client_identifier })
}

/// The answer, and whether anything is allowed.
fn answer(query: &Query) -> Result<(String, bool), String> {
    if TopicName::parse(&query.topic).is_err() || query.topic.starts_with("$share/") {
        return Err(format!("`{}` is no Topic Name", query.topic.escape_debug()));
    }
    let path = Path::new(&query.file);
    let content = fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", query.file))?;
    if is_list(&content) {
        let list = AccessList::parse(&content)
            .map_err(|error| format!("{}:{}: {}", query.file, error.line, error.problem))?;
        let mut page = Page::default();
        let who = query.who();
        let ruling = |action| vec![(path, list.ruling(who, action, &query.topic))];
        page.rule("read", true, &ruling(Action::Read), None);
        page.rule("write", !is_reserved(&query.topic), &ruling(Action::Write), None);
        page.subscription(None);
        return Ok((page.text, page.is_allowed));
    }
    let mut notes = Vec::new();
    let configuration =
        Configuration::read(path, Dialect::Martlet, &mut notes).map_err(|error| error.to_string())?;
    let plan = Plan { file: Some(query.file.clone()), ..Plan::default() };
    let authority = plan.authority_at_work(&configuration)?;
    let settings = &configuration.settings;
    let mut page = Page::default();
    if settings.is_local_only() {
        let listener = settings.listeners.first().cloned().unwrap_or_default();
        page.listener(&authority, 0, "this machine", &listener, query);
    } else {
        for (number, listener) in (0..).zip(&settings.listeners) {
            page.listener(&authority, number, &listener.place.to_string(), listener, query);
        }
    }
    Ok((page.text, page.is_allowed))
}

/// Whether this is an access control list: the words of its lines are those of a list. `user` stands in both kinds of file.
fn is_list(content: &[u8]) -> bool {
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|byte| *byte == b' ').next().unwrap_or_default());
    words.find(|word| *word != b"user").is_none_or(|word| word == b"topic" || word == b"pattern")
}

/// What is printed.
#[derive(Default)]
struct Page {
    text: String,
    indent: &'static str,
    is_allowed: bool,
}

impl Page {
    fn line(&mut self, what: &str, answer: &str, why: &str) {
        let line = format!("{}{what:10} {answer:8} {why}", self.indent);
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    /// What is so at one listener.
    fn listener(
        &mut self,
        authority: &Authority,
        number: u16,
        place: &str,
        listener: &ListenerSettings,
        query: &Query,
    ) {
        let mount_point = listener.mount_point.as_deref().unwrap_or_default();
        let topic = [mount_point, &query.topic].concat();
        let _ = write!(self.text, "{place}");
        if !mount_point.is_empty() {
            let _ = write!(self.text, ", where it is `{topic}`");
        }
        self.text.push('\n');
        self.indent = "  ";
        let mut who = query.who();
        if listener.user_name_is_client_identifier {
            who.client_identifier = who.user_name.unwrap_or_default();
        }
        let is_nameless = listener.user_name_is_client_identifier && who.user_name.is_none();
        let (answer, why) = match authority.admission(number, who) {
            _ if is_nameless => ("denied", "nobody may come in without a user name"),
            Admission::Anyone => ("allowed", "no password is asked for"),
            Admission::Password => ("allowed", "with its password"),
            Admission::ProvenName => ("allowed", "with a certificate or a key of this name"),
            Admission::OtherIdentifier => ("denied", "its Client Identifier has to begin otherwise"),
            Admission::Nobody => ("denied", "it is not known, or nobody may come in without a user name"),
        };
        self.line("connect", answer, why);
        if answer == "denied" {
            return;
        }
        for (what, action, dynamic, may_be) in [
            ("read", Action::Read, dynsec::Action::Receive, true),
            ("write", Action::Write, dynsec::Action::Publish, !is_reserved(&topic)),
        ] {
            let rulings: Vec<_> = authority.rulings(number, who, action, &topic).collect();
            let dynamic = authority.dynamic_ruling(number, who, dynamic, &topic);
            self.rule(what, may_be, &rulings, dynamic);
        }
        self.subscription(authority.dynamic_ruling(number, who, dynsec::Action::Subscribe, &topic));
    }

    /// What lists and dynamic security say of something; nothing where there are none. All have to allow it, and the broker itself.
    fn rule(&mut self, what: &str, may_be: bool, lists: &[(&Path, Ruling)], dynamic: Option<bool>) {
        let decides = lists.iter().find(|(_, ruling)| !ruling.is_allowed).or_else(|| lists.first());
        let (is_allowed, why) = match (decides, dynamic) {
            _ if !may_be => (false, "only the broker itself publishes to it".into()),
            (Some((path, ruling)), _) if !ruling.is_allowed => (false, reason(path, *ruling)),
            (_, Some(is_allowed)) => (is_allowed, "by dynamic security".into()),
            (Some((path, ruling)), None) => (true, reason(path, *ruling)),
            (None, None) => (true, "there is no access control list".into()),
        };
        self.is_allowed |= is_allowed;
        self.line(what, if is_allowed { "allowed" } else { "denied" }, &why);
    }

    /// Whether it may subscribe.
    fn subscription(&mut self, dynamic: Option<bool>) {
        match dynamic {
            Some(false) => self.line("subscribe", "denied", "by dynamic security"),
            _ => self.line("subscribe", "allowed", "each message is looked at when it is delivered"),
        }
    }
}

/// The line that decides, with its number.
fn reason(path: &Path, ruling: Ruling) -> String {
    let file = path.display();
    let Some(number) = ruling.line else { return format!("{file}: no line allows it") };
    let content = fs::read_to_string(path).unwrap_or_default();
    let line = content.lines().nth(number as usize - 1).unwrap_or_default().trim();
    format!("{file}:{number}: {line}")
}
