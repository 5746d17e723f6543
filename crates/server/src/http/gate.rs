//! Who may ask: the rules for clients of MQTT, applied to requests.

use martlet_engine::{Access, AllowAll, AuthenticationStage, Decision, Peer, Question, ShardId, Verdict};
use martlet_wire::{Connect, Properties, ProtocolVersion, TopicName};

use crate::options::Rules;

/// The Client Identifier that requests stand under, as in Mosquitto.
const CLIENT: &str = "http-api";

/// Asks the rules.
pub(crate) struct Gate {
    access: Box<dyn Access>,
    rules: Rules,
}

impl Gate {
    /// Rules for a thread beside the shards.
    pub(crate) fn new(rules: &Rules, shards: u16) -> Self {
        let access = rules
            .access
            .as_ref()
            .map_or_else(|| Box::new(AllowAll) as Box<dyn Access>, |factory| factory(ShardId(shards)));
        Self { access, rules: rules.clone() }
    }

    /// Whether someone with this user name and password may have what is at a path: who may connect there, and receive
    /// messages from a topic of this name.
    pub(super) fn admits(
        &mut self,
        peer: &Peer,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        path: &str,
    ) -> bool {
        let connect = Connect {
            version: ProtocolVersion::Mqtt311,
            bridge: false,
            clean_start: true,
            keep_alive: 0,
            properties: Properties::EMPTY,
            client_identifier: CLIENT,
            will: None,
            user_name,
            password,
        };
        let may_connect = match self.access.connect(peer, &connect) {
            Decision::Accept => true,
            Decision::Refuse(_) => false,
            Decision::Ask => self.ask(user_name, password),
        };
        may_connect && TopicName::parse(path).is_ok_and(|topic| self.access.receive(CLIENT, topic))
    }

    fn ask(&self, user_name: Option<&str>, password: Option<&[u8]>) -> bool {
        let question = Question {
            client_identifier: CLIENT.into(),
            user_name: user_name.map(Into::into),
            password: password.map(Into::into),
            method: None,
            data: None,
            stage: AuthenticationStage::Connect,
        };
        let answer = self.rules.authenticator.as_ref().map(|authenticator| authenticator(&question));
        matches!(answer, Some(Verdict::Accept { .. }))
    }
}
