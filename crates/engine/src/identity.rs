//! Who a client is: the user name and the Client Identifier that count.

use martlet_wire::{Connect, ReasonCode};

use crate::limits::Config;
use crate::{Client, Peer};

/// Where the user name of a client comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserNameSource {
    /// From its CONNECT.
    #[default]
    Connect,
    /// From the Common Name of its certificate, or from the identity of its pre-shared key.
    Identity,
    /// From the whole subject of its certificate.
    Subject,
}

/// Who a connection is, once its CONNECT has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// As sent or assigned; empty as long as one has to be assigned.
    pub(crate) client_identifier: String,
    /// Whether the client did not send one [MQTT-3.1.3-7].
    pub(crate) is_assigned: bool,
    /// Never empty.
    pub(crate) user_name: Option<String>,
    /// Whether the client has shown already that the user name is its own.
    pub(crate) is_proven: bool,
}

impl Identity {
    pub(crate) fn client(&self, listener: u16) -> Client<'_> {
        Client {
            client_identifier: &self.client_identifier,
            user_name: self.user_name.as_deref(),
            listener: Some(listener),
        }
    }
}

impl Config {
    /// Who wants to connect.
    ///
    /// # Errors
    /// The user name is missing where it has to be told.
    pub(crate) fn identity(&self, peer: &Peer, connect: &Connect<'_>) -> Result<Identity, ReasonCode> {
        // An empty user name is as good as none.
        let sent = connect.user_name.filter(|name| !name.is_empty());
        let proven = self.proven_user_name(peer)?;
        let user_name = proven.or(sent).map(str::to_owned);
        let client_identifier = if self.user_name_is_client_identifier(peer.listener) {
            user_name.clone().ok_or(ReasonCode::NotAuthorized)?
        } else {
            connect.client_identifier.to_owned()
        };
        let is_assigned = connect.client_identifier.is_empty();
        Ok(Identity { client_identifier, is_assigned, user_name, is_proven: proven.is_some() })
    }

    /// The user name that the carrier of the connection vouches for; `None` where that is not asked for.
    fn proven_user_name<'p>(&self, peer: &'p Peer) -> Result<Option<&'p str>, ReasonCode> {
        let source = self.user_name_source(peer.listener);
        let could_tell =
            peer.tls().is_some() || peer.details.as_ref().is_some_and(|details| details.proxy.is_some());
        if source == UserNameSource::Connect || !could_tell {
            return Ok(None);
        }
        let certificate = peer.certificate().filter(|certificate| certificate.is_verified);
        let name = match (source, certificate) {
            (UserNameSource::Subject, Some(certificate)) => certificate.subject.as_deref(),
            (_, Some(certificate)) => certificate.common_name.as_deref(),
            (_, None) => peer.tls().and_then(|tls| tls.psk_identity.as_deref()),
        };
        name.filter(|name| !name.is_empty()).map(Some).ok_or(ReasonCode::BadUserNameOrPassword)
    }
}

/// Who published a message, as far as it is not told by its Client Identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publisher {
    /// Its Client Identifier; empty for the broker itself.
    pub client_identifier: Box<str>,
    /// The user name that counted for it.
    pub user_name: Option<Box<str>>,
    /// The number of the listener that it came by, if that is known.
    pub listener: Option<u16>,
}

impl Publisher {
    /// The one that questions about it are asked about.
    pub fn client(&self) -> Client<'_> {
        Client {
            client_identifier: &self.client_identifier,
            user_name: self.user_name.as_deref(),
            listener: self.listener,
        }
    }
}

impl From<Client<'_>> for Publisher {
    fn from(client: Client<'_>) -> Self {
        Self {
            client_identifier: client.client_identifier.into(),
            user_name: client.user_name.map(Into::into),
            listener: client.listener,
        }
    }
}

impl From<&str> for Publisher {
    fn from(client_identifier: &str) -> Self {
        Client::from(client_identifier).into()
    }
}
