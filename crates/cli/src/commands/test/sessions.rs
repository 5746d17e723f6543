//! What outlives a connection: a Session, and the Will.

use core::time::Duration;

use martlet_client::{Client, Options, Property, ProtocolVersion, QoS, Will};
use tokio::runtime::Builder;

use super::bench::Bench;
use super::messages::{Trouble, expect, finding, next};
use super::report::{Finding, Report};

/// How long the broker should keep a Session of which the end was not told.
const SESSION_EXPIRY: Duration = Duration::from_mins(1);

/// Makes the probes.
pub(super) fn probe(bench: &Bench, report: &mut Report) {
    report.section("Sessions");
    let Some(client) = bench.client() else { return };
    report.essential("session", "a Session between connections", finding(bench, session(bench, client)));
    end_session(bench);
    report.essential("will", "a Will after a lost connection", will(bench, client));
}

fn session_options(bench: &Bench) -> Options {
    bench.options("k").clean_start(false).session_expiry(SESSION_EXPIRY)
}

async fn session(bench: &Bench, client: &Client) -> Result<Finding, Trouble> {
    let failed = |error: martlet_client::ConnectError| Trouble::Fails(error.to_string());
    let topic = bench.topic("session");
    let first = Client::connect(session_options(bench)).await.map_err(failed)?;
    if expiry_granted(&first, bench.version()) == Some(0) {
        return Err(Trouble::Absent("the broker keeps no Session".to_owned()));
    }
    let subscription = first.subscribe(&topic).qos(QoS::AtLeastOnce).await?;
    let _ = first.disconnect().await;
    // Dropped while there is a connection, it would end the subscription.
    drop(subscription);
    client.publish(&topic, "queued").qos(QoS::AtLeastOnce).await?;
    let (second, mut rest) = Client::resume(session_options(bench)).await.map_err(failed)?;
    let is_present = second.connection().is_some_and(|connection| connection.session_present);
    // MQTT 3.1 cannot tell it.
    if !is_present && bench.version() > ProtocolVersion::Mqtt31 {
        return Err(Trouble::Fails("the broker forgot it".to_owned()));
    }
    expect(&next(&mut rest).await?, "queued")?;
    let _ = second.disconnect().await;
    Ok(Finding::with("kept, with a message that came meanwhile"))
}

/// The Session Expiry Interval that the broker grants, if it grants another than was asked for.
fn expiry_granted(client: &Client, version: ProtocolVersion) -> Option<u32> {
    let connection = client.connection().filter(|_| version.has_properties())?;
    connection.properties().iter().find_map(|property| match property {
        Property::SessionExpiryInterval(seconds) => Some(seconds),
        _ => None,
    })
}

/// A clean start ends the Session that may be left.
fn end_session(bench: &Bench) {
    let options = bench.options("k").clean_start(true).session_expiry(Duration::ZERO);
    if let Ok(client) = bench.connect(options) {
        bench.disconnect(&client);
    }
}

fn will(bench: &Bench, client: &Client) -> Finding {
    let topic = bench.topic("will");
    let subscribed = bench.wait(client.subscribe(&topic).into_future());
    let mut messages = match subscribed {
        Some(Ok(messages)) => messages,
        Some(Err(error)) => return Trouble::from(error).into(),
        None => return Finding::Fails("the broker does not answer".to_owned()),
    };
    // Without its runtime a client has no way to say goodbye.
    let doomed = match Builder::new_current_thread().enable_all().build() {
        Ok(doomed) => doomed,
        Err(error) => return Finding::Fails(error.to_string()),
    };
    let options = bench.options("w").will(Will::new(&topic, "gone"));
    match doomed.block_on(Client::connect(options)) {
        Ok(client) => {
            drop(doomed);
            drop(client);
        }
        Err(error) => return Finding::Fails(error.to_string()),
    }
    finding(bench, async {
        expect(&next(&mut messages).await?, "gone")?;
        Ok(Finding::works())
    })
}
