//! Publishes messages of each QoS to a broker on this machine: `cargo run --example publish`.

use martlet_client::{Client, Options, QoS};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let client = Client::connect(Options::tcp("127.0.0.1", 1883)).await?;

    // One after the other: each waits for the word of the broker.
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let published = client.publish("examples/hello", "hello").qos(qos).await?;
        println!("{qos:?}: {}", published.code);
    }

    // Many at once: each is handed over, and its end comes later.
    let mut completions = Vec::new();
    for number in 0..1000 {
        let publish = client.publish("examples/numbers", number.to_string()).qos(QoS::AtLeastOnce);
        completions.push(publish.enqueue().await?);
    }
    for completion in completions {
        completion.await?;
    }
    println!("a thousand messages are published");

    client.disconnect().await?;
    Ok(())
}
