//! Enhanced authentication: AUTH back and forth, at CONNECT and later. The mechanism itself is outside.

use martlet_proto::PeerMisbehaved;
use martlet_proto::connection::Phase;
use martlet_wire::{Auth, Packet, Properties, Property, ReasonCode};

use crate::access::{AuthenticationStage, Question, Verdict};
use crate::clients::ClientSession;
use crate::notice::Cause;
use crate::refuse::explain;
use crate::{ConnectionId, Engine, Output};

impl Engine {
    /// AUTH came.
    pub(crate) fn auth(&mut self, id: ConnectionId, auth: &Auth<'_>) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        if !connection.protocol.is_own_method(&auth.properties) {
            return Err(PeerMisbehaved::AuthenticationMethodChanged); // [MQTT-4.12.0-7] [MQTT-4.12.1-1]
        }
        let is_open = connection.protocol.phase == Phase::Open;
        let stage = match auth.reason {
            ReasonCode::ReAuthenticate if is_open && !connection.re_authenticates => {
                connection.re_authenticates = true;
                AuthenticationStage::ReAuthenticate
            }
            ReasonCode::ContinueAuthentication
                if !connection.awaits_verdict && (!is_open || connection.re_authenticates) =>
            {
                AuthenticationStage::Continue
            }
            _ => return Err(PeerMisbehaved::UnexpectedPacket(martlet_wire::PacketType::Auth)),
        };
        connection.awaits_verdict = true;
        let peer = &connection.peer;
        let session = connection.session.and_then(|session| self.clients.get(session));
        let client = match &connection.pending {
            Some(pending) => Some(pending.identity.client(peer.listener)),
            None => session.map(ClientSession::client),
        };
        let question = Question {
            peer: peer.clone(),
            client_identifier: client.map(|it| it.client_identifier.to_owned()).unwrap_or_default(),
            user_name: client.and_then(|client| client.user_name).map(str::to_owned),
            password: None,
            method: auth.properties.authentication_method().map(str::to_owned),
            data: auth.properties.authentication_data().map(<[u8]>::to_vec),
            stage,
        };
        self.outputs.push_back(Output::Authenticate { connection: id, question });
        Ok(())
    }

    /// The answer to a question came.
    pub(crate) fn authenticated(&mut self, id: ConnectionId, verdict: Verdict) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.awaits_verdict {
            return;
        }
        connection.awaits_verdict = false;
        let is_open = connection.protocol.phase == Phase::Open;
        match verdict {
            Verdict::Accept { data } if is_open => {
                connection.re_authenticates = false;
                self.send_auth(id, ReasonCode::Success, data.as_deref());
            }
            Verdict::Accept { data } => self.admit_pending(id, data.as_deref()),
            Verdict::Continue { data } => {
                self.send_auth(id, ReasonCode::ContinueAuthentication, data.as_deref()); // [MQTT-4.12.0-2]
                self.resume(id);
            }
            Verdict::Refuse(reason) if is_open => {
                let farewell = self.disconnect_packet(id, reason, explain(reason)); // [MQTT-4.12.1-2]
                self.end_connection(id, Cause::Broker(reason), farewell);
            }
            Verdict::Refuse(reason) => {
                let name = connection
                    .pending
                    .take()
                    .map(|pending| pending.identity.client_identifier)
                    .unwrap_or_default();
                self.refuse(id, &name, reason); // [MQTT-4.12.0-4]
            }
        }
    }

    fn send_auth(&mut self, id: ConnectionId, reason: ReasonCode, data: Option<&[u8]>) {
        let Some(method) =
            self.connections.get(id).and_then(|connection| connection.protocol.authentication_method.clone())
        else {
            return; // [MQTT-4.12.0-6]
        };
        let mut properties = vec![Property::AuthenticationMethod(&method)]; // [MQTT-4.12.0-5]
        properties.extend(data.map(Property::AuthenticationData));
        self.send(id, &Packet::Auth(Auth { reason, properties: Properties::list(&properties) }));
    }
}
