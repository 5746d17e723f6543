//! Publishes to itself, without `async`: `cargo run --example blocking`.

use martlet_client::{Options, QoS, blocking};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let client = blocking::Client::connect(Options::tcp("127.0.0.1", 1883))?;
    let messages = client.subscribe("examples/blocking")?;
    for number in 1..=3 {
        client.publish("examples/blocking", format!("message {number}")).qos(QoS::ExactlyOnce).send()?;
    }
    for message in messages.take(3) {
        println!("{}: {}", message.topic(), message.text().unwrap_or_default());
    }
    client.disconnect()?;
    Ok(())
}
