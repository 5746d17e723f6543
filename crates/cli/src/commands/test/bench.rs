//! What all probes need: options, topics of their own, and patience with an end.

use core::hash::BuildHasher as _;
use core::time::Duration;
use std::hash::RandomState;

use martlet_client::{Client, ConnectError, Options, ProtocolVersion, Reconnect};
use martlet_tools::flags::{Address, Connection, Credentials, ProbeOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::connect;

/// How long anything may take that should come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What all probes need.
pub(super) struct Bench {
    // Dropped before the runtime that it needs.
    client: Option<Client>,
    runtime: Runtime,
    connection: Connection,
    base: Options,
    anonymous: Options,
    topic: String,
    /// Something that no other run has.
    run: String,
    version: ProtocolVersion,
}

impl Bench {
    pub(super) fn new(options: &ProbeOptions) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| format!("Error: {error}."))?;
        let base = |connection: &Connection| {
            let options = connect::options(connection).map_err(|error| error.to_string())?;
            Ok::<_, String>(options.reconnect(Reconnect::never()).connect_timeout(PATIENCE))
        };
        let mut anonymous = options.connection.clone();
        anonymous.credentials = Credentials::default();
        let run = format!("{:08x}", RandomState::new().hash_one(()) >> 32);
        Ok(Self {
            client: None,
            runtime,
            base: base(&options.connection)?,
            anonymous: base(&anonymous)?,
            topic: format!("{}/{run}", options.topic),
            connection: options.connection.clone(),
            run,
            version: ProtocolVersion::Mqtt5,
        })
    }

    /// Where the broker is, for people.
    pub(super) fn url(&self) -> String {
        let scheme = match (self.connection.web_socket, self.is_encrypted()) {
            (false, false) => "mqtt",
            (false, true) => "mqtts",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        match &self.connection.address {
            Address::Tcp { host, port } if host.contains(':') => format!("{scheme}://[{host}]:{port}"),
            Address::Tcp { host, port } => format!("{scheme}://{host}:{port}"),
            Address::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    pub(super) const fn is_encrypted(&self) -> bool {
        self.connection.tls.enabled
    }

    pub(super) const fn has_credentials(&self) -> bool {
        self.connection.credentials.username.is_some()
    }

    /// The client of most probes, and the version that it speaks.
    pub(super) fn adopt(&mut self, client: Client, version: ProtocolVersion) {
        self.client = Some(client);
        self.version = version;
    }

    /// The client of most probes, once there is one.
    pub(super) const fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    pub(super) const fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Options of the version that the probes speak, for another client. `who` tells it from the others.
    pub(super) fn options(&self, who: &str) -> Options {
        self.options_of(self.version, who)
    }

    /// The same of another version.
    pub(super) fn options_of(&self, version: ProtocolVersion, who: &str) -> Options {
        // No more than 23 characters, which is all that MQTT 3.1 allows.
        self.base.clone().version(version).client_identifier(format!("martlet-{}-{who}", self.run))
    }

    /// Options without a user name.
    pub(super) fn anonymous_options(&self) -> Options {
        let name = format!("martlet-{}-n", self.run);
        self.anonymous.clone().version(self.version).client_identifier(name)
    }

    /// A topic that no other run has.
    pub(super) fn topic(&self, name: &str) -> String {
        format!("{}/{name}", self.topic)
    }

    pub(super) fn connect(&self, options: Options) -> Result<Client, ConnectError> {
        self.runtime.block_on(Client::connect(options))
    }

    /// Disconnects; whether that is in good order concerns nobody.
    pub(super) fn disconnect(&self, client: &Client) {
        let _ = self.runtime.block_on(client.disconnect());
    }

    /// Waits for something that should come; `None` if it does not.
    pub(super) fn wait<F: Future>(&self, future: F) -> Option<F::Output> {
        self.wait_at_most(PATIENCE, future)
    }

    /// The same with another patience.
    pub(super) fn wait_at_most<F: Future>(&self, patience: Duration, future: F) -> Option<F::Output> {
        self.runtime.block_on(async { timeout(patience, future).await.ok() })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.disconnect(&client);
        }
    }
}
