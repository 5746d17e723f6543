//! Acknowledges each message when the work for it is done, so that one whose work failed comes again:
//! `cargo run --example manual_acknowledgement`.

use core::num::NonZeroU16;

use martlet_client::{Client, Message, Options, QoS};

/// Stands for something that may fail.
fn work(message: &Message) -> Result<(), String> {
    let number: u32 = message.text().and_then(|text| text.parse().ok()).ok_or("it is no number")?;
    println!("{} is half of {}", number, number * 2);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    // Not more than 10 messages are here at once: the server keeps the others until some of these are acknowledged.
    let options = Options::tcp("127.0.0.1", 1883)
        .manual_acknowledgement(true)
        .receive_maximum(NonZeroU16::new(10).ok_or("it is not 0")?);
    let worker = Client::connect(options).await?;
    let mut jobs = worker.subscribe("examples/jobs").qos(QoS::AtLeastOnce).await?;

    let client = Client::connect(Options::tcp("127.0.0.1", 1883)).await?;
    for number in 1..=20 {
        client.publish("examples/jobs", number.to_string()).qos(QoS::AtLeastOnce).await?;
    }
    client.publish("examples/jobs", "end").qos(QoS::AtLeastOnce).await?;

    while let Some(mut job) = jobs.recv().await {
        if job.text() == Some("end") {
            job.acknowledge();
            break;
        }
        match work(&job) {
            Ok(()) => job.acknowledge(),
            // Dropped without an acknowledgement it comes again after the next reconnect, and holds up those behind it.
            Err(error) => eprintln!("no acknowledgement: {error}"),
        }
    }
    worker.disconnect().await?;
    client.disconnect().await?;
    Ok(())
}
