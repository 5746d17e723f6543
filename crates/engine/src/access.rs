//! Who may do what: the questions that the engine asks, and their answers.

use martlet_wire::{Connect, ReasonCode, TopicFilter, TopicName};

use crate::Peer;

/// Decides what clients may do. Answers at once, from memory; what takes time is asked with [`Decision::Ask`].
pub trait Access: Send {
    /// May this client connect? `Peer` says where it comes from, `Connect` holds user name, password, Client Identifier and
    /// the Authentication Method.
    fn connect(&mut self, peer: &Peer, connect: &Connect<'_>) -> Decision;

    /// May `client` (a Client Identifier) publish to `topic`?
    fn publish(&mut self, client: &str, topic: TopicName<'_>) -> bool {
        let _ = (client, topic);
        true
    }

    /// May `client` receive a message published to `topic`?
    fn receive(&mut self, client: &str, topic: TopicName<'_>) -> bool {
        let _ = (client, topic);
        true
    }

    /// May `client` subscribe to `filter`?
    fn subscribe(&mut self, client: &str, filter: TopicFilter<'_>) -> bool {
        let _ = (client, filter);
        true
    }

    /// Whether [`Access::receive`] has to be asked for each delivery.
    fn checks_deliveries(&self) -> bool {
        false
    }
}

/// The answer to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The client is let in.
    Accept,
    /// The client is turned away with this reason code.
    Refuse(ReasonCode),
    /// The driver has to find out: [`Output::Authenticate`](crate::Output::Authenticate) goes out, the connection waits
    /// for [`Input::Authenticated`](crate::Input::Authenticated).
    Ask,
}

/// Lets everyone do everything, by no Authentication Method.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Access for AllowAll {
    fn connect(&mut self, _peer: &Peer, connect: &Connect<'_>) -> Decision {
        if connect.properties.authentication_method().is_some() {
            Decision::Refuse(ReasonCode::BadAuthenticationMethod) // [MQTT-4.12.0-1]
        } else {
            Decision::Accept
        }
    }
}

/// What the driver has to find out about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The Client Identifier, as sent or assigned.
    pub client_identifier: String,
    /// The user name of the CONNECT.
    pub user_name: Option<String>,
    /// The password of the CONNECT. A secret: never to be logged.
    pub password: Option<Vec<u8>>,
    /// The Authentication Method of the connection.
    pub method: Option<String>,
    /// The Authentication Data of the CONNECT or AUTH at hand. A secret.
    pub data: Option<Vec<u8>>,
    /// Where in the exchange this is.
    pub stage: AuthenticationStage,
}

/// Where in an authentication exchange a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationStage {
    /// A CONNECT.
    Connect,
    /// An AUTH 0x18 that goes on with the exchange.
    Continue,
    /// An AUTH 0x19 that starts over on a living connection.
    ReAuthenticate,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client is who it says; the data goes with CONNACK or the last AUTH.
    Accept {
        /// Authentication Data for the client.
        data: Option<Vec<u8>>,
    },
    /// More is asked of the client, by AUTH 0x18 [MQTT-4.12.0-2].
    Continue {
        /// Authentication Data for the client.
        data: Option<Vec<u8>>,
    },
    /// The client is turned away.
    Refuse(ReasonCode),
}
