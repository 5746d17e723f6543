//! User name and password, and enhanced authentication.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::Arc;

use common::{Proxy, address, broker_options, connected, disconnected, options, within};
use martlet_client::{
    AuthenticateError, AuthenticationFailed, Authenticator, Client, ConnectError, QoS, ReasonCode,
};
use martlet_engine::{Access, AuthenticationStage, Decision, Newcomer, Question, Verdict};
use martlet_server::Broker;

/// Asks about everyone.
struct Curious;

impl Access for Curious {
    fn connect(&mut self, _: &Newcomer<'_>) -> Decision {
        Decision::Ask
    }
}

fn asking(answer: impl Fn(&Question) -> Verdict + Send + Sync + 'static) -> Broker {
    let mut options = broker_options();
    options.rules.access = Some(Arc::new(|_| Box::new(Curious)));
    options.rules.authenticator = Some(Arc::new(answer));
    Broker::start(options).unwrap()
}

#[tokio::test]
async fn user_name_and_password() {
    let broker = asking(|question| {
        let is_known = question.user_name.as_deref() == Some("user")
            && question.password.as_deref() == Some(b"secret".as_slice());
        if is_known {
            Verdict::Accept { data: None }
        } else {
            Verdict::Refuse(ReasonCode::BadUserNameOrPassword)
        }
    });
    let good = options(address(&broker)).credentials("user", "secret");
    within(Client::connect(good)).await.unwrap();
    let bad = options(address(&broker)).credentials("user", "wrong");
    let error = within(Client::connect(bad)).await.unwrap_err();
    let ConnectError::Refused(reason) = error else { panic!("{error:?}") };
    assert_eq!(reason.code, ReasonCode::BadUserNameOrPassword);
}

/// The server sends a number, the client answers with the next one, and the server ends with the one behind that.
struct NextNumber {
    step: u8,
    expected: u8,
}

impl Authenticator for NextNumber {
    fn method(&self) -> &'static str {
        "NEXT-NUMBER"
    }

    fn begin(&mut self) -> Vec<u8> {
        b"hello".to_vec()
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, AuthenticationFailed> {
        let &[number] = challenge else { return Err(AuthenticationFailed) };
        self.expected = number + 2;
        Ok(vec![number + self.step])
    }

    fn finish(&mut self, data: &[u8]) -> Result<(), AuthenticationFailed> {
        if data == [self.expected] { Ok(()) } else { Err(AuthenticationFailed) }
    }
}

fn numbers(end: u8) -> Broker {
    asking(move |question| {
        assert_eq!(question.method.as_deref(), Some("NEXT-NUMBER"));
        match (question.stage, question.data.as_deref()) {
            (AuthenticationStage::Continue, Some([8])) => Verdict::Accept { data: Some(vec![end]) },
            (AuthenticationStage::Continue, _) => Verdict::Refuse(ReasonCode::NotAuthorized),
            (_, Some(b"hello")) => Verdict::Continue { data: Some(vec![7]) },
            _ => Verdict::Refuse(ReasonCode::ProtocolError),
        }
    })
}

#[tokio::test]
async fn challenge_and_response() {
    let broker = numbers(9);
    let proxy = Proxy::before(address(&broker)).await;
    let options = options(proxy.address).authenticator(NextNumber { step: 1, expected: 0 });
    let client = within(Client::connect(options)).await.unwrap();
    within(client.reauthenticate()).await.unwrap();
    within(client.publish("t", "").qos(QoS::AtLeastOnce)).await.unwrap();
    proxy.cut();
    disconnected(&client).await;
    connected(&client).await;
    within(client.reauthenticate()).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    disconnected(&client).await;
    assert_eq!(within(client.reauthenticate()).await, Err(AuthenticateError::NotConnected));
}

#[tokio::test]
async fn a_wrong_response_is_refused() {
    let broker = numbers(9);
    let options = options(address(&broker)).authenticator(NextNumber { step: 2, expected: 0 });
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Refused(reason) if reason.code == ReasonCode::NotAuthorized));
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_is_left() {
    let broker = numbers(200);
    let options = options(address(&broker)).authenticator(NextNumber { step: 1, expected: 0 });
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Authentication(AuthenticationFailed)), "{error:?}");
}
