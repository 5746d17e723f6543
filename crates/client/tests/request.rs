//! Requests and their answers.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;

use common::{broker, connect, next, within};
use martlet_client::{Property, PublishError, RequestError, TopicError};

#[tokio::test]
async fn answers_find_their_requests() {
    let broker = broker();
    let (service, client) = (connect(&broker).await, connect(&broker).await);
    let mut requests = within(service.subscribe("double")).await.unwrap();
    let requester = within(client.requester()).await.unwrap();
    let answering = async {
        // The last one first.
        let mut open = Vec::new();
        for _ in 0..20 {
            open.push(requests.recv().await.unwrap());
        }
        while let Some(request) = open.pop() {
            let number: u32 = request.text().unwrap().parse().unwrap();
            service.reply(&request, (2 * number).to_string()).unwrap().await.unwrap();
        }
    };
    let asking: Vec<_> = (0..20_u32)
        .map(|number| {
            let request = requester.request("double", number.to_string());
            tokio::spawn(async move { request.property(&Property::UserProperty("a", "b")).await })
        })
        .collect();
    within(answering).await;
    for (number, answer) in asking.into_iter().enumerate() {
        let answer = within(answer).await.unwrap().unwrap();
        assert_eq!(answer.text().unwrap(), (2 * number).to_string());
    }
}

#[tokio::test]
async fn no_answer_is_an_error() {
    let broker = broker();
    let client = connect(&broker).await;
    let requester = within(client.requester()).await.unwrap();
    let timeout = Duration::from_millis(20);
    let error = within(requester.request("nobody", "").timeout(timeout)).await.unwrap_err();
    assert_eq!(error, RequestError::Timeout { after: timeout });
    let error = within(requester.request("no/+", "")).await.unwrap_err();
    assert_eq!(error, RequestError::Publish(PublishError::TopicName(TopicError::WildcardInName)));
    let waiting = tokio::spawn(requester.request("nobody", "").into_future());
    let mut asked = within(client.subscribe("nobody")).await.unwrap();
    within(client.publish("nobody", "")).await.unwrap();
    let message = next(&mut asked).await;
    assert!(message.response_topic().is_none() && client.reply(&message, "").is_none());
    within(client.disconnect()).await.unwrap();
    assert_eq!(within(waiting).await.unwrap().unwrap_err(), RequestError::Closed);
    assert_eq!(within(requester.request("nobody", "")).await.unwrap_err(), RequestError::Closed);
}
