//! Prints what comes, and whether there is a connection, until it is stopped: `cargo run --example subscribe -- 'a/#'`.

use martlet_client::{Client, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let filter = std::env::args().nth(1).unwrap_or_else(|| "examples/#".to_owned());
    let client = Client::connect(Options::tcp("127.0.0.1", 1883)).await?;
    let mut messages = client.subscribe(&filter).await?;
    println!("subscribed to {filter}");

    let mut state = client.state();
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => println!("{}: {}", message.topic(), message.payload().escape_ascii()),
                None => break,
            },
            state = state.changed() => println!("{state:?}"),
        }
    }
    Ok(())
}
