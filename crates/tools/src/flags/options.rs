//! What the arguments come to: typed options for each tool.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::format::Format;
use crate::property::PropertyLists;

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1
    V31,
    /// MQTT 3.1.1
    V311,
    /// MQTT 5.0
    V5,
}

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host's name or address, and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port, from 1.
        port: u16,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// A name and a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The User Name.
    pub username: Option<String>,
    /// The Password, which may be any bytes. A secret.
    pub password: Option<Vec<u8>>,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let password = self.password.as_ref().map(|_| "(hidden)");
        f.debug_struct("Credentials").field("username", &self.username).field("password", &password).finish()
    }
}

/// The Client Identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// The broker or the program chooses one.
    Chosen,
    /// This one.
    Given(String),
    /// This prefix, followed by the number of the process.
    Prefix(String),
}

/// A SOCKS5 proxy that resolves the host's name itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The proxy's host.
    pub host: String,
    /// The proxy's port, from 1.
    pub port: u16,
    /// What to log in with, if anything.
    pub credentials: Credentials,
}

/// A message that the broker publishes when the connection ends badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// The Topic Name.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// 0 to 2.
    pub qos: u8,
    /// Whether the broker retains it.
    pub retain: bool,
}

/// Whom to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsRoots {
    /// A file of certificates.
    pub file: Option<PathBuf>,
    /// A directory of certificates.
    pub directory: Option<PathBuf>,
    /// Whether the system's certificates count too.
    pub system: bool,
}

/// What the flags say about TLS; nothing after `--no-tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Whether the connection is encrypted at all.
    pub enabled: bool,
    /// Whom to trust.
    pub roots: TlsRoots,
    /// The client's own certificate.
    pub certificate: Option<PathBuf>,
    /// The client's own private key: a file or an engine's name for it.
    pub key: Option<PathBuf>,
    /// `pem` or `engine`, checked by [`super::check_tls`].
    pub key_form: Option<String>,
    /// Ciphers in OpenSSL's notation.
    pub ciphers: Option<String>,
    /// `tlsv1.2` or `tlsv1.3`.
    pub version: Option<String>,
    /// A protocol to offer by ALPN.
    pub alpn: Option<String>,
    /// An OpenSSL engine.
    pub engine: Option<String>,
    /// The SHA-1 of the password of the engine's key.
    pub engine_key_pass: Option<String>,
    /// Where the secrets of the connection go.
    pub key_log: Option<PathBuf>,
    /// Whether the host's name need not match its certificate.
    pub insecure: bool,
    /// A pre-shared key in hexadecimal, and its name.
    pub psk: Option<(String, String)>,
}

/// How to reach the broker, and as whom.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Connection {
    /// Where the broker is.
    pub address: Address,
    /// The local address to use.
    pub bind: Option<String>,
    /// Whether Nagle's algorithm is off.
    pub no_delay: bool,
    /// Whether MQTT goes over a WebSocket.
    pub web_socket: bool,
    /// A proxy to go through.
    pub proxy: Option<Proxy>,
    /// Name and password.
    pub credentials: Credentials,
    /// The Client Identifier.
    pub client_id: ClientId,
    /// Clean Session of MQTT 3, Clean Start of MQTT 5.
    pub clean_start: bool,
    /// Session Expiry Interval of MQTT 5 in seconds: 0 ends with the connection, `u32::MAX` never.
    pub session_expiry_seconds: u32,
    /// The Keep Alive, 5 to 65,535 seconds.
    pub keep_alive: Duration,
    /// The version of MQTT.
    pub version: Version,
    /// The Will.
    pub will: Option<Will>,
    /// TLS.
    pub tls: TlsOptions,
    /// Properties of MQTT 5, without the Session Expiry Interval of `-x`.
    pub properties: PropertyLists,
    /// The most QoS 1 and 2 messages under way, from 1.
    pub in_flight_max: u32,
    /// Whether packets are reported.
    pub debug: bool,
    /// Whether errors are not reported.
    pub quiet: bool,
}

/// Where the payload comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadOption {
    /// `-m`: these bytes.
    Text(Vec<u8>),
    /// `-f`: a file.
    File(PathBuf),
    /// `-s`: all of standard input.
    StandardInput,
    /// `-l`: each line of standard input is a message.
    Lines,
    /// `-n`: empty.
    Null,
}

/// What `mosquitto_pub` does.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// The Topic Name, if there is one.
    pub topic: Option<String>,
    /// 0 to 2.
    pub qos: u8,
    /// Whether the broker retains the message.
    pub retain: bool,
    /// Where the payload comes from, if from anywhere.
    pub payload: Option<PayloadOption>,
    /// How often the message is sent, from 1.
    pub repeat_count: u32,
    /// The time between repetitions.
    pub repeat_delay: Duration,
}

/// When the broker sends retained messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Always,
    /// If the subscription is new.
    New,
    /// Never.
    Never,
}

/// How messages are printed.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Output {
    /// `-F`
    pub format: Option<Format>,
    /// `-v`: the topic stands before the payload.
    pub verbose: bool,
    /// `-N`: no newline at the end.
    pub no_newline: bool,
    /// `--pretty`: JSON in lines.
    pub pretty: bool,
    /// `-R`: retained messages are not printed.
    pub hide_retained: bool,
    /// `-w`: each topic has its line of the terminal.
    pub watch: bool,
}

/// What `mosquitto_sub` does.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct SubscribeOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// Topic Filters to subscribe to.
    pub topics: Vec<String>,
    /// Topic Filters to unsubscribe from.
    pub unsubscribe: Vec<String>,
    /// Topic Filters whose messages are not printed.
    pub filter_out: Vec<String>,
    /// 0 to 2.
    pub qos: u8,
    /// How messages are printed.
    pub output: Output,
    /// The end after so many messages, from 1.
    pub count: Option<u32>,
    /// The end after so long.
    pub timeout: Option<Duration>,
    /// The end once subscribed.
    pub exit_after_subscribe: bool,
    /// Only retained messages, and the end after them.
    pub retained_only: bool,
    /// Whether retained messages are cleared.
    pub remove_retained: bool,
    /// Retain As Published of MQTT 5.
    pub retain_as_published: bool,
    /// Retain Handling of MQTT 5.
    pub retain_handling: RetainHandling,
    /// How many of 1,000 messages are printed, from 1; 1,000 and more are all.
    pub random_filter: u32,
    /// Whether only their rate is printed.
    pub message_rate: bool,
    /// `--record`: a file that the messages are written to, besides being printed.
    pub record: Option<PathBuf>,
}

/// What `mosquitto_rr` does.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// The Topic Name of the request, if there is one.
    pub topic: Option<String>,
    /// The Topic Name of the answer, if there is one.
    pub response_topic: Option<String>,
    /// 0 to 2.
    pub qos: u8,
    /// Where the payload comes from, if from anywhere.
    pub payload: Option<PayloadOption>,
    /// How the answer is printed.
    pub output: Output,
    /// The end after so long.
    pub timeout: Option<Duration>,
    /// Retain As Published of MQTT 5.
    pub retain_as_published: bool,
    /// Retain Handling of MQTT 5.
    pub retain_handling: RetainHandling,
    /// Whether the time until the answer is printed.
    pub latency: bool,
}

/// What `martlet play` does.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// The record; `-` is standard input.
    pub file: PathBuf,
    /// How many times faster than it was recorded; 0 is as fast as it goes.
    pub speed: f64,
    /// Whether damaged lines are passed over.
    pub skip_damaged: bool,
}

/// What `martlet test` does.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// The Topic Name below which it publishes.
    pub topic: String,
    /// Whether the findings are printed as JSON.
    pub json: bool,
}

/// What `mosquitto_ctrl` does.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlOptions {
    /// How to reach the broker.
    pub connection: Connection,
    /// 0 to 2.
    pub qos: u8,
    /// `-f`: a file to work on instead of a broker.
    pub data_file: Option<PathBuf>,
    /// `-v`: more output.
    pub verbose: bool,
    /// The module, its command and the command's arguments. Empty means the interactive shell.
    pub command: Vec<OsString>,
}
