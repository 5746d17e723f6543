//! Who may ask: the rules for clients of MQTT, applied to requests.

use martlet_engine::{
    Access, AllowAll, AuthenticationStage, Client, Decision, Newcomer, Peer, Question, ShardId, Verdict,
};
use martlet_wire::{Connect, Properties, ProtocolVersion, TopicName};

use crate::auth::RulesChanger;

/// The Client Identifier that requests stand under, as in Mosquitto.
const CLIENT: &str = "http-api";

/// Asks the rules.
pub(crate) struct Gate {
    rules: RulesChanger,
    /// Stands for a shard beside the others.
    shard: ShardId,
}

impl Gate {
    /// Rules for a thread beside the shards.
    pub(crate) const fn new(rules: RulesChanger, shards: u16) -> Self {
        Self { rules, shard: ShardId(shards) }
    }

    /// Whether someone with this user name and password may have what is at a path: who may connect there, and receive
    /// messages from a topic of this name.
    pub(super) fn admits(
        &self,
        peer: &Peer,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        path: &str,
    ) -> bool {
        let rules = self.rules.rules();
        let mut access =
            rules.access.map_or_else(|| Box::new(AllowAll) as Box<dyn Access>, |factory| factory(self.shard));
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
        // An empty user name is as good as none.
        let user_name = user_name.filter(|name| !name.is_empty());
        let client = Client { client_identifier: CLIENT, user_name, listener: Some(peer.listener) };
        let newcomer = Newcomer { client, is_proven: false, peer, connect: &connect };
        let may_connect = match access.connect(&newcomer) {
            Decision::Accept => true,
            Decision::Refuse(_) => false,
            Decision::Ask => {
                let question = Question {
                    peer: peer.clone(),
                    client_identifier: CLIENT.into(),
                    user_name: user_name.map(Into::into),
                    password: password.map(Into::into),
                    method: None,
                    data: None,
                    stage: AuthenticationStage::Connect,
                };
                let answer = rules.authenticator.map(|authenticator| authenticator(&question));
                matches!(answer, Some(Verdict::Accept { .. }))
            }
        };
        may_connect && TopicName::parse(path).is_ok_and(|topic| access.receive(client, topic))
    }
}
