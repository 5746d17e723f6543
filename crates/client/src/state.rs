//! Whether there is a connection, for those who want to know.

use core::fmt;
use std::sync::Arc;

use martlet_wire::{PacketType, Properties, PropertyOwner};
use tokio::sync::watch;

use crate::error::Lost;

/// What a client is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being opened.
    Connecting,
    /// There is a connection.
    Connected(Arc<Connection>),
    /// The connection was lost; another one is being opened.
    Reconnecting {
        /// How many attempts were begun, this one included.
        attempts: u32,
        /// Why the last one ended.
        cause: Arc<Lost>,
    },
    /// The client has ended.
    Closed(Closed),
}

/// Why a client has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// The application wanted it.
    ByApplication,
    /// The connection was lost, and trying again was not allowed or of no use.
    Lost(Arc<Lost>),
}

/// What the server said when it let the client in.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Connection {
    /// The Client Identifier; the server's choice where it made one.
    pub client_identifier: String,
    /// Whether the server kept the Session of an earlier connection.
    pub session_present: bool,
    pub(crate) properties: Box<[u8]>,
}

impl Connection {
    /// The properties of CONNACK; none before MQTT 5.0.
    pub fn properties(&self) -> Properties<'_> {
        section(PacketType::ConnAck, &self.properties)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("client_identifier", &self.client_identifier)
            .field("session_present", &self.session_present)
            .field("properties", &self.properties())
            .finish()
    }
}

/// The properties of a section that came from `martlet_proto`.
pub(crate) fn section(packet_type: PacketType, bytes: &[u8]) -> Properties<'_> {
    Properties::from_section(PropertyOwner::Packet(packet_type), bytes).unwrap_or(Properties::EMPTY)
}

/// Tells the [`State`] of a client and waits for others.
///
/// Only the newest state is kept: one that lasted a moment may be missed.
#[derive(Clone, Debug)]
pub struct StateWatch(pub(crate) watch::Receiver<State>);

impl StateWatch {
    /// The state.
    pub fn current(&self) -> State {
        self.0.borrow().clone()
    }

    /// Waits for a state that this watch has not told yet. After [`State::Closed`] there is none: it comes again.
    pub async fn changed(&mut self) -> State {
        // The sender outlives all but the last state.
        let _ = self.0.changed().await;
        self.0.borrow_and_update().clone()
    }

    /// Waits until there is a state that `wanted` accepts, or the client has ended.
    pub async fn wait_for(&mut self, wanted: impl Fn(&State) -> bool) -> State {
        let accepts = |state: &State| wanted(state) || matches!(state, State::Closed(_));
        match self.0.wait_for(accepts).await {
            Ok(state) => return state.clone(),
            Err(_gone) => {}
        }
        self.current()
    }
}
