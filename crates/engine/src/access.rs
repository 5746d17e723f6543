//! Who may do what: the questions that the engine asks, and their answers.

use martlet_wire::{Connect, ReasonCode, TopicFilter, TopicName};

use crate::Peer;

/// Decides what clients may do. Answers at once, from memory; what takes time is asked with [`Decision::Ask`].
///
/// The same question has the same answer for as long as an engine has this value: what was found out about a topic is
/// remembered until [`Engine::replace_access`](crate::Engine::replace_access).
pub trait Access: Send {
    /// May this client connect?
    fn connect(&mut self, newcomer: &Newcomer<'_>) -> Decision;

    /// May a client go on that is connected? Asked of all when the rules have been replaced.
    fn stays(&mut self, peer: &Peer, client: Client<'_>) -> bool {
        let _ = (peer, client);
        true
    }

    /// May `client` publish to `topic`?
    fn publish(&mut self, client: Client<'_>, topic: TopicName<'_>) -> bool {
        let _ = (client, topic);
        true
    }

    /// May `client` receive a message published to `topic`?
    fn receive(&mut self, client: Client<'_>, topic: TopicName<'_>) -> bool {
        let _ = (client, topic);
        true
    }

    /// May `client` subscribe to `filter`?
    fn subscribe(&mut self, client: Client<'_>, filter: TopicFilter<'_>) -> bool {
        let _ = (client, filter);
        true
    }

    /// May `client` give up its subscription to `filter`?
    fn unsubscribe(&mut self, client: Client<'_>, filter: TopicFilter<'_>) -> bool {
        let _ = (client, filter);
        true
    }

    /// Whether [`Access::receive`] has to be asked at all.
    fn checks_deliveries(&self) -> bool {
        false
    }

    /// Whether a retained message goes out only if its publisher may still publish it.
    fn checks_retained_publishers(&self) -> bool {
        false
    }
}

/// Whom a question is about: a connected client, or one whose Session or message is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// Its Client Identifier.
    pub client_identifier: &'a str,
    /// The user name that counts; never empty.
    pub user_name: Option<&'a str>,
    /// The number of the listener that it came by last. `None` if that was before the broker was started.
    pub listener: Option<u16>,
}

impl<'a> From<&'a str> for Client<'a> {
    /// A client of which only the Client Identifier is known.
    fn from(client_identifier: &'a str) -> Self {
        Self { client_identifier, user_name: None, listener: None }
    }
}

/// A client that wants to connect.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// Who it is, if it is let in.
    pub client: Client<'a>,
    /// Whether the user name is that of a certificate or a pre-shared key, which the client has shown to have: no password
    /// is needed.
    pub is_proven: bool,
    /// Where it comes from.
    pub peer: &'a Peer,
    /// What it sent, with its password and Authentication Method.
    pub connect: &'a Connect<'a>,
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
    fn connect(&mut self, newcomer: &Newcomer<'_>) -> Decision {
        if newcomer.connect.properties.authentication_method().is_some() {
            Decision::Refuse(ReasonCode::BadAuthenticationMethod) // [MQTT-4.12.0-1]
        } else {
            Decision::Accept
        }
    }
}

/// What the driver has to find out about a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// Where the client comes from.
    pub peer: Peer,
    /// The Client Identifier, as sent or assigned.
    pub client_identifier: String,
    /// The user name that counts; never empty.
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

// By hand, so that no secret comes into a log.
impl core::fmt::Debug for Question {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Question")
            .field("peer", &self.peer)
            .field("client_identifier", &self.client_identifier)
            .field("user_name", &self.user_name)
            .field("method", &self.method)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
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
