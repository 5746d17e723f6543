//! Publishes the time so that each message arrives exactly once, whether there is a connection or not, and even if this
//! program is killed: `cargo run --example durable -- DIRECTORY`. Kill it, start it again, stop the broker, and watch the
//! topic `examples/durable`.

use core::time::Duration;
use std::time::SystemTime;

use martlet_client::store::DirectoryStore;
use martlet_client::{Client, Options, QoS};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: durable DIRECTORY")?;
    // The server finds its part of the Session by the Client Identifier, and keeps it for a day without a connection.
    let options = Options::tcp("127.0.0.1", 1883)
        .client_identifier("examples-durable")
        .clean_start(false)
        .session_expiry(Duration::from_hours(24))
        .session_store(DirectoryStore::new(directory));
    // Does not wait for a connection.
    let client = Client::start(options).await?;

    // What the last run left is on its way already; here it is just told.
    for publish in client.take_restored() {
        let payload = publish.payload().map(<[u8]>::to_vec);
        tokio::spawn(async move {
            let outcome = publish.into_completion().await;
            match payload {
                Some(payload) => println!("left by the last run: {}: {outcome:?}", payload.escape_ascii()),
                None => println!("left by the last run, and with the server already: {outcome:?}"),
            }
        });
    }

    loop {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let publish = client.publish("examples/durable", now.to_string()).qos(QoS::ExactlyOnce);
        let mut completion = publish.enqueue().await?;
        completion.stored().await?;
        println!("{now}: stored, and so published whatever happens");
        tokio::spawn(async move { println!("{now}: {:?}", completion.await) });
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
