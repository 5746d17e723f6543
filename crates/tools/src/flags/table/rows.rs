//! The rows of the table, in the order of `--help`: where, who, what, output, Will, TLS, the tool itself.

use super::FlagId as Id;
use super::Tool::{Control, Play, Probe, Publish, Request, Subscribe};
use super::{Flag, FlagId, ToolSet, ValueKind};
use crate::program::Hint;

const ALL: ToolSet = ToolSet::of(&[Publish, Subscribe, Request, Control, Play, Probe]);
const TALKERS: ToolSet = ToolSet::of(&[Publish, Subscribe, Request, Control, Play]);
const MOSQUITTOS: ToolSet = ToolSet::of(&[Publish, Subscribe, Request, Control]);
const SPEAKERS: ToolSet = ToolSet::of(&[Publish, Subscribe, Request, Play]);
const REACHERS: ToolSet = ToolSet::of(&[Publish, Subscribe, Request, Play, Probe]);
const CLIENTS: ToolSet = ToolSet::of(&[Publish, Subscribe, Request]);
const SENDERS: ToolSet = ToolSet::of(&[Publish, Request]);
const PRINTERS: ToolSet = ToolSet::of(&[Subscribe, Request]);
const VERBOSE: ToolSet = ToolSet::of(&[Subscribe, Request, Control]);
const PUB: ToolSet = ToolSet::of(&[Publish]);
const SUB: ToolSet = ToolSet::of(&[Subscribe]);
const RR: ToolSet = ToolSet::of(&[Request]);
const CTRL: ToolSet = ToolSet::of(&[Control]);
const PLAY: ToolSet = ToolSet::of(&[Play]);
const PROBE: ToolSet = ToolSet::of(&[Probe]);

const QOS: Hint = Hint::Words(&["0", "1", "2"]);
const VERSIONS: Hint = Hint::Words(&["5", "311", "31", "mqttv5", "mqttv311", "mqttv31"]);
const TLS_VERSIONS: Hint = Hint::Words(&["tlsv1.3", "tlsv1.2"]);
const KEY_FORMS: Hint = Hint::Words(&["pem", "engine"]);
const HANDLING: Hint = Hint::Words(&["always", "new", "never"]);

/// Every flag of every tool.
#[rustfmt::skip]
pub const FLAGS: &[Flag] = &[
    one(Id::Host, "-h", "--host", ALL, "host", "no host specified", Hint::Any, "Connect to this host; localhost by default."),
    one(Id::Port, "-p", "--port", ALL, "port", "no port specified", Hint::Any, "Connect to this port; 1883 by default, and 8883 if TLS is asked for."),
    one(Id::Unix, "", "--unix", ALL, "path", "no socket path specified", Hint::File, "Connect to the Unix domain socket at this path."),
    one(Id::Url, "-L", "--url", ALL, "url", "no URL specified", Hint::Any, "Take everything from a URL: SCHEME://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC, where SCHEME is mqtt, mqtts, ws or wss."),
    one(Id::Bind, "-A", "", ALL, "address", "no address specified", Hint::Any, "Use this local address for the connection."),
    none(Id::NoDelay, "", "--nodelay", TALKERS, "Send small packets at once, without Nagle's algorithm."),
    none(Id::WebSocket, "", "--ws", REACHERS, "Speak MQTT over WebSockets."),
    one(Id::Proxy, "", "--proxy", ALL, "url", "no proxy url specified", Hint::Any, "Go through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]."),
    one(Id::Username, "-u", "--username", ALL, "name", "no username specified", Hint::Any, "Log in under this name."),
    one(Id::Password, "-P", "--pw", ALL, "password", "no password specified", Hint::Any, "Log in with this password."),
    one(Id::ClientId, "-i", "--id", TALKERS, "id", "no id specified", Hint::Any, "Use this Client Identifier; by default the broker chooses one."),
    one(Id::ClientIdPrefix, "-I", "--id-prefix", SPEAKERS, "prefix", "no id prefix specified", Hint::Any, "Use a Client Identifier of this prefix and the process id."),
    none(Id::CleanSessionOff, "-c", "--disable-clean-session", TALKERS, "Keep the Session when the connection ends. With MQTT 5 it never expires unless -x says when."),
    one(Id::SessionExpiry, "-x", "", SPEAKERS, "seconds", "no session expiry interval specified", Hint::Any, "Let the Session expire so long after the connection; -1 or ∞ means never. Implies MQTT 5."),
    one(Id::KeepAlive, "-k", "--keepalive", SPEAKERS, "seconds", "no keepalive specified", Hint::Any, "The Keep Alive; 60 seconds by default."),
    one(Id::ProtocolVersion, "-V", "--protocol-version", TALKERS, "version", "no version specified", VERSIONS, "The version of MQTT: 5, 311 or 31. mosquitto_pub and mosquitto_sub speak 3.1.1 by default, the others 5."),
    Flag { id: Id::Property, short: "-D", long: "--property", tools: SPEAKERS, value: ValueKind::Property, help: "Add a property of MQTT 5 to a packet: PACKET NAME VALUE, or PACKET user-property NAME VALUE. Implies MQTT 5." },
    one(Id::InFlight, "-M", "", SPEAKERS, "number", "max_inflight not specified", Hint::Any, "The most QoS 1 and 2 messages under way at once; 20 by default."),
    one(Id::Qos, "-q", "--qos", MOSQUITTOS, "qos", "no QoS specified", QOS, "The QoS of messages and subscriptions; 0 by default, 1 in mosquitto_ctrl."),
    one(Id::Topic, "-t", "--topic", CLIENTS, "topic", "no topic specified", Hint::Any, "The topic to publish or subscribe to. mosquitto_sub takes several."),
    one(Id::ResponseTopic, "-e", "", RR, "topic", "no response topic specified", Hint::Any, "The topic on which the answer will come."),
    one(Id::Message, "-m", "--message", SENDERS, "text", "no message specified", Hint::Any, "Send this text."),
    one(Id::File, "-f", "--file", SENDERS, "file", "no file specified", Hint::File, "Send what is in this file."),
    none(Id::StdinFile, "-s", "--stdin-file", SENDERS, "Send all of standard input as one message."),
    none(Id::StdinLines, "-l", "--stdin-line", PUB, "Send each line of standard input as a message."),
    none(Id::NullMessage, "-n", "--null-message", SENDERS, "Send a message without a payload."),
    none(Id::Retain, "-r", "--retain", PUB, "Ask the broker to retain the message."),
    one(Id::Repeat, "", "--repeat", PUB, "count", "no count specified", Hint::Any, "Send the message so many times; not with -l."),
    one(Id::RepeatDelay, "", "--repeat-delay", PUB, "seconds", "no time specified", Hint::Any, "Wait so long between repetitions; fractions are fine."),
    none(Id::Latency, "", "--latency", RR, "Print how long the answer took."),
    one(Id::Unsubscribe, "-U", "--unsubscribe", SUB, "topic", "no unsubscribe topic specified", Hint::Any, "Unsubscribe from this topic. Can be repeated."),
    one(Id::FilterOut, "-T", "--filter-out", SUB, "topic", "no topic filter specified", Hint::Any, "Do not print messages of this topic. Can be repeated."),
    one(Id::Count, "-C", "", SUB, "count", "no count specified", Hint::Any, "Exit after so many messages."),
    none(Id::ExitAfterSubscribe, "-E", "", SUB, "Exit when the broker has acknowledged every subscription."),
    one(Id::Timeout, "-W", "", PRINTERS, "seconds", "no timeout specified", Hint::Any, "Exit after so many seconds, with status 27."),
    none(Id::HideRetained, "-R", "", PRINTERS, "Do not print retained messages."),
    none(Id::RetainedOnly, "", "--retained-only", SUB, "Print only retained messages, and exit at the first other one."),
    none(Id::RemoveRetained, "", "--remove-retained", SUB, "Clear each retained message that arrives, except those that -T hides."),
    none(Id::RetainAsPublished, "", "--retain-as-published", PRINTERS, "Ask the broker to leave the retain flag as it was published. Needs MQTT 5."),
    one(Id::RetainHandling, "", "--retain-handling", PRINTERS, "when", "no option specified", HANDLING, "When the broker sends retained messages: always, new (only for a new subscription) or never. Needs MQTT 5."),
    one(Id::RandomFilter, "", "--random-filter", SUB, "percent", "no chance specified", Hint::Any, "Print only so many percent of the messages, chosen by chance: 0.1 to 100."),
    none(Id::MessageRate, "", "--message-rate", SUB, "Print how many messages arrive each second instead of the messages."),
    none(Id::Watch, "-w", "--watch", SUB, "Give each topic its own line of the terminal."),
    one(Id::Format, "-F", "", PRINTERS, "format", "no format specified", Hint::Any, "Print messages in this format."),
    one(Id::Record, "", "--record", SUB, "file", "no file specified", Hint::File, "Also write the messages to this file, one a line as JSON, with their properties and times."),
    none(Id::Pretty, "", "--pretty", PRINTERS, "Print JSON in lines and with indentation."),
    none(Id::NoNewline, "-N", "", PRINTERS, "Do not end messages with a newline."),
    none(Id::Verbose, "-v", "--verbose", VERBOSE, "Print more: in front of each payload its topic."),
    one(Id::WillTopic, "", "--will-topic", SPEAKERS, "topic", "no will topic specified", Hint::Any, "Leave a Will on this topic."),
    one(Id::WillPayload, "", "--will-payload", SPEAKERS, "text", "no will payload specified", Hint::Any, "The payload of the Will; empty by default."),
    one(Id::WillQos, "", "--will-qos", SPEAKERS, "qos", "no will QoS specified", QOS, "The QoS of the Will; 0 by default."),
    none(Id::WillRetain, "", "--will-retain", SPEAKERS, "Ask the broker to retain the Will."),
    one(Id::CaFile, "", "--cafile", ALL, "file", "no file specified", Hint::File, "Use TLS, and trust the certificates in this file."),
    one(Id::CaPath, "", "--capath", ALL, "directory", "no directory specified", Hint::Directory, "Use TLS, and trust the certificates in this directory."),
    none(Id::TlsOsCertificates, "", "--tls-use-os-certs", ALL, "Use TLS, and trust the system's certificates."),
    one(Id::Certificate, "", "--cert", ALL, "file", "no file specified", Hint::File, "The client's own certificate."),
    one(Id::Key, "", "--key", ALL, "file", "no file specified", Hint::File, "The client's own private key."),
    one(Id::KeyForm, "", "--keyform", ALL, "form", "no keyform specified", KEY_FORMS, "What --key names: pem for a file, engine for a key in an engine."),
    one(Id::Ciphers, "", "--ciphers", ALL, "list", "no ciphers specified", Hint::Any, "The ciphers to offer, in OpenSSL's notation."),
    one(Id::TlsVersion, "", "--tls-version", ALL, "version", "no version specified", TLS_VERSIONS, "The lowest version of TLS: tlsv1.2 or tlsv1.3."),
    one(Id::TlsAlpn, "", "--tls-alpn", ALL, "protocol", "no protocol specified", Hint::Any, "Offer this protocol by ALPN."),
    one(Id::TlsEngine, "", "--tls-engine", ALL, "engine", "no engine_id specified", Hint::Any, "Use this OpenSSL engine."),
    one(Id::TlsEngineKeyPass, "", "--tls-engine-kpass-sha1", ALL, "sha1", "no kpass sha1 specified", Hint::Any, "The SHA-1 of the password of the engine's key."),
    one(Id::TlsKeyLog, "", "--tls-keylog", SPEAKERS, "file", "no file specified", Hint::File, "Append the secrets of the connection to this file, for analysis."),
    none(Id::Insecure, "", "--insecure", ALL, "Do not compare the host's name with its certificate. For tests only."),
    one(Id::Psk, "", "--psk", ALL, "key", "no key specified", Hint::Any, "Use TLS with this pre-shared key, in hexadecimal."),
    one(Id::PskIdentity, "", "--psk-identity", ALL, "identity", "no identity specified", Hint::Any, "The name that belongs to the pre-shared key."),
    none(Id::NoTls, "", "--no-tls", ALL, "Do not use TLS, whatever the port and other flags say."),
    one(Id::DataFile, "-f", "--file", CTRL, "file", "no data file specified", Hint::File, "Work on this file of the dynsec module instead of a broker."),
    one(Id::Speed, "", "--speed", PLAY, "factor", "no factor specified", Hint::Any, "Play so many times faster than it was recorded, 0.5 for half as fast; 0 is as fast as it goes. 1 by default."),
    none(Id::SkipDamaged, "", "--skip-damaged", PLAY, "Pass over lines that are damaged, and tell them, instead of stopping there."),
    one(Id::TestTopic, "-t", "--topic", PROBE, "topic", "no topic specified", Hint::Any, "Publish and subscribe below this topic; martlet-test by default."),
    none(Id::Json, "", "--json", PROBE, "Print the findings as JSON."),
    one(Id::OptionsFile, "-o", "", ALL, "file", "no options file specified", Hint::File, "Read flags from this file, one a line, before the other arguments."),
    none(Id::Debug, "-d", "--debug", MOSQUITTOS, "Print what is sent and received."),
    none(Id::Quiet, "", "--quiet", TALKERS, "Print no errors."),
    none(Id::Help, "", "--help", ALL, "Print this text."),
    none(Id::Version, "", "--version", ALL, "Print the version."),
];

const fn none(
    id: FlagId,
    short: &'static str,
    long: &'static str,
    tools: ToolSet,
    help: &'static str,
) -> Flag {
    Flag { id, short, long, tools, value: ValueKind::None, help }
}

#[expect(clippy::too_many_arguments, reason = "a row of the table")]
const fn one(
    id: FlagId,
    short: &'static str,
    long: &'static str,
    tools: ToolSet,
    name: &'static str,
    missing: &'static str,
    hint: Hint,
    help: &'static str,
) -> Flag {
    Flag { id, short, long, tools, value: ValueKind::One { name, missing, hint }, help }
}
