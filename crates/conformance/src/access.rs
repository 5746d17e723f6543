//! Rules for tests of refusals and of enhanced authentication.

use martlet_engine::{Access, AuthenticationStage, Client, Decision, Newcomer, Question, Verdict};
use martlet_wire::{ReasonCode, TopicFilter, TopicName};

/// Who may do what, when a [`Setup`](crate::Setup) asks for it.
///
/// | what | answer |
/// | --- | --- |
/// | user name `nobody` | CONNECT refused: Not authorized |
/// | user name `wrong` | CONNECT refused: Bad User Name or Password |
/// | user name `slow` | the driver is asked, and accepts |
/// | user name `slowly-refused` | the driver is asked, and refuses: Not authorized |
/// | Client Identifier that begins with `banned` | CONNECT refused: Banned |
/// | Client Identifier that begins with `invalid` | CONNECT refused: Client Identifier not valid |
/// | Client Identifier that begins with `elsewhere` | CONNECT refused: Use another server |
/// | publish to `forbidden/...` or `receive-only/...` | no |
/// | subscribe to `forbidden/...` or `publish-only/...` | no |
/// | receive from `unreadable/...` | no |
/// | Authentication Method `TEST` | see below |
/// | other Authentication Methods | CONNECT refused: Bad authentication method |
///
/// The method `TEST`: data `at once` is accepted with the data `welcome`; data `refuse` is refused as Not authorized;
/// anything else, or none, is answered by AUTH 0x18 with the data `challenge`. The AUTH of the client then holds
/// `response` (accepted with `welcome`), `more` (one more `challenge`), or anything else (refused: Not authorized).
/// Re-authentication goes the same way.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestAccess;

impl TestAccess {
    /// The answer that the driver finds out.
    pub(crate) fn verdict(question: &Question) -> Verdict {
        if question.method.is_none() {
            return match question.user_name.as_deref() {
                Some("slow") => Verdict::Accept { data: None },
                _ => Verdict::Refuse(ReasonCode::NotAuthorized),
            };
        }
        let data = question.data.as_deref();
        let begins = !matches!(question.stage, AuthenticationStage::Continue);
        let welcome = if begins { b"at once".as_slice() } else { b"response" };
        if data == Some(welcome) {
            Verdict::Accept { data: Some(b"welcome".to_vec()) }
        } else if data == Some(b"refuse") || !(begins || data == Some(b"more")) {
            Verdict::Refuse(ReasonCode::NotAuthorized)
        } else {
            Verdict::Continue { data: Some(b"challenge".to_vec()) }
        }
    }
}

impl Access for TestAccess {
    fn connect(&mut self, newcomer: &Newcomer<'_>) -> Decision {
        let connect = newcomer.connect;
        match connect.properties.authentication_method() {
            Some("TEST") => return Decision::Ask,
            Some(_) => return Decision::Refuse(ReasonCode::BadAuthenticationMethod),
            None => {}
        }
        let id = connect.client_identifier;
        match connect.user_name {
            Some("nobody") => Decision::Refuse(ReasonCode::NotAuthorized),
            Some("wrong") => Decision::Refuse(ReasonCode::BadUserNameOrPassword),
            Some("slow" | "slowly-refused") => Decision::Ask,
            _ if id.starts_with("banned") => Decision::Refuse(ReasonCode::Banned),
            _ if id.starts_with("invalid") => Decision::Refuse(ReasonCode::ClientIdentifierNotValid),
            _ if id.starts_with("elsewhere") => Decision::Refuse(ReasonCode::UseAnotherServer),
            _ => Decision::Accept,
        }
    }

    fn publish(&mut self, _client: Client<'_>, topic: TopicName<'_>) -> bool {
        !topic.as_str().starts_with("forbidden/") && !topic.as_str().starts_with("receive-only/")
    }

    fn receive(&mut self, _client: Client<'_>, topic: TopicName<'_>) -> bool {
        !topic.as_str().starts_with("unreadable/")
    }

    fn subscribe(&mut self, _client: Client<'_>, filter: TopicFilter<'_>) -> bool {
        !filter.filter().starts_with("forbidden/") && !filter.filter().starts_with("publish-only/")
    }

    fn checks_deliveries(&self) -> bool {
        true
    }
}
