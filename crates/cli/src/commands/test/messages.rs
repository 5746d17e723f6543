//! Messages: round trips at each QoS, retained messages, wildcards and Shared Subscriptions.

use std::time::Instant;

use martlet_client::{Client, Completion, PublishError, QoS, SubscribeError, Subscription};

use super::bench::Bench;
use super::report::{Finding, Latency, Report};

/// How many round trips are measured for each QoS.
const ROUND_TRIPS: usize = 10;
/// How many messages go to a Shared Subscription of two clients.
const SHARED_MESSAGES: usize = 10;

/// Why a probe did not come to its end.
pub(super) enum Trouble {
    /// The broker says that it does not have it.
    Absent(String),
    /// It does not work.
    Fails(String),
}

impl From<PublishError> for Trouble {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::QosNotSupported | PublishError::RetainNotSupported => {
                Self::Absent(error.to_string())
            }
            error => Self::Fails(error.to_string()),
        }
    }
}

impl From<SubscribeError> for Trouble {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::WildcardsNotSupported | SubscribeError::SharedNotSupported => {
                Self::Absent(error.to_string())
            }
            error => Self::Fails(error.to_string()),
        }
    }
}

impl From<Trouble> for Finding {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Absent(reason) => Self::Absent(reason),
            Trouble::Fails(reason) => Self::Fails(reason),
        }
    }
}

/// Makes the probes.
pub(super) fn probe(bench: &Bench, report: &mut Report) {
    report.section("Messages");
    let Some(client) = bench.client() else { return };
    for (qos, id) in [(QoS::AtMostOnce, "qos-0"), (QoS::AtLeastOnce, "qos-1"), (QoS::ExactlyOnce, "qos-2")] {
        let finding = finding(bench, round_trips(bench, client, qos));
        report.essential(id, format!("QoS {} round trip", qos as u8), finding);
    }
    report.essential("retained", "retained messages", finding(bench, retained(bench, client)));
    // Whatever came of it, nothing stays.
    bench.wait(client.publish(bench.topic("retained"), "").retain(true).into_future());
    report.essential("wildcards", "wildcard subscriptions", finding(bench, wildcards(bench, client)));
    if bench.version().has_properties() {
        report.optional("shared", "Shared Subscriptions", finding(bench, shared(bench, client)));
    }
}

/// Makes a probe, but not for ever.
pub(super) fn finding(bench: &Bench, probe: impl Future<Output = Result<Finding, Trouble>>) -> Finding {
    match bench.wait(probe) {
        Some(Ok(finding)) => finding,
        Some(Err(trouble)) => trouble.into(),
        None => Finding::Fails("nothing came within 5 seconds".to_owned()),
    }
}

async fn round_trips(bench: &Bench, client: &Client, qos: QoS) -> Result<Finding, Trouble> {
    let topic = bench.topic(&format!("qos-{}", qos as u8));
    let mut messages = client.subscribe(&topic).await?;
    let mut times = Vec::new();
    for number in 0..ROUND_TRIPS {
        let payload = number.to_string();
        let started = Instant::now();
        let mut published = Some(client.publish(&topic, payload.as_str()).qos(qos).enqueue().await?);
        // Its end may come before or after the message. A refusal comes alone.
        let message = tokio::select! {
            message = next(&mut messages) => message?,
            outcome = end_of(&mut published) => {
                outcome?;
                next(&mut messages).await?
            }
        };
        times.push(started.elapsed());
        end_of(&mut published).await?;
        expect(&message, &payload)?;
        if message.qos() != qos && messages.granted_qos() >= qos {
            return Err(Trouble::Fails(format!("it came with QoS {}", message.qos() as u8)));
        }
    }
    // A message that came twice would stand before this one.
    client.publish(&topic, "end").qos(qos).await?;
    expect(&next(&mut messages).await?, "end")?;
    Latency::of(&times).map(Finding::takes).ok_or_else(|| Trouble::Fails("nothing was measured".to_owned()))
}

/// Waits for the end of a publish, which is at once if it was there before.
async fn end_of(published: &mut Option<Completion>) -> Result<(), PublishError> {
    if let Some(completion) = published {
        let outcome = completion.await;
        *published = None;
        outcome?;
    }
    Ok(())
}

async fn retained(bench: &Bench, client: &Client) -> Result<Finding, Trouble> {
    let topic = bench.topic("retained");
    client.publish(&topic, "kept").retain(true).await?;
    let mut messages = client.subscribe(&topic).await?;
    let message = next(&mut messages).await?;
    expect(&message, "kept")?;
    if !message.retain() {
        return Err(Trouble::Fails("it came without the RETAIN flag".to_owned()));
    }
    unsubscribe(messages).await?;
    client.publish(&topic, "").retain(true).await?;
    let mut messages = client.subscribe(&topic).await?;
    // One that was not cleared would stand before this one.
    client.publish(&topic, "end").await?;
    expect(&next(&mut messages).await?, "end")?;
    Ok(Finding::with("kept, sent and cleared"))
}

async fn wildcards(bench: &Bench, client: &Client) -> Result<Finding, Trouble> {
    for (filter, topic) in [("one/+/b", "one/a/b"), ("more/#", "more/a/b")] {
        let mut messages = client.subscribe(bench.topic(filter)).await?;
        client.publish(bench.topic(topic), "here").await?;
        expect(&next(&mut messages).await?, "here")?;
    }
    Ok(Finding::with("+ and #"))
}

async fn shared(bench: &Bench, client: &Client) -> Result<Finding, Trouble> {
    let other =
        Client::connect(bench.options("s")).await.map_err(|error| Trouble::Fails(error.to_string()))?;
    let topic = bench.topic("shared");
    let filter = format!("$share/martlet/{topic}");
    let mut here = client.subscribe(&filter).await?;
    let mut there = other.subscribe(&filter).await?;
    for number in 0..SHARED_MESSAGES {
        client.publish(&topic, number.to_string()).await?;
    }
    let mut counts = [0, 0];
    while counts[0] + counts[1] < SHARED_MESSAGES {
        tokio::select! {
            message = here.recv() => counts[0] += usize::from(message.is_some()),
            message = there.recv() => counts[1] += usize::from(message.is_some()),
        }
    }
    // Both streams end with a message that each client gets for itself.
    for (name, client, messages) in [("here", client, &mut here), ("there", &other, &mut there)] {
        let own = bench.topic(name);
        let mut end = client.subscribe(&own).await?;
        client.publish(&own, "end").await?;
        expect(&next(&mut end).await?, "end")?;
        if messages.try_recv().is_some() {
            return Err(Trouble::Fails("a message came twice".to_owned()));
        }
    }
    // It has nothing to tell any more.
    let _ = other.disconnect().await;
    Ok(Finding::with(format!("{} messages shared {} to {}", SHARED_MESSAGES, counts[0], counts[1])))
}

/// The next message of a subscription.
pub(super) async fn next(messages: &mut Subscription) -> Result<martlet_client::Message, Trouble> {
    messages.recv().await.ok_or_else(|| Trouble::Fails("the connection was lost".to_owned()))
}

/// Whether a message is the one that should come.
pub(super) fn expect(message: &martlet_client::Message, payload: &str) -> Result<(), Trouble> {
    match message.text() {
        Some(text) if text == payload => Ok(()),
        _ => Err(Trouble::Fails(format!("another message came instead of \"{payload}\""))),
    }
}

async fn unsubscribe(messages: Subscription) -> Result<(), Trouble> {
    messages.unsubscribe().await.map_err(|error| Trouble::Fails(error.to_string()))
}
