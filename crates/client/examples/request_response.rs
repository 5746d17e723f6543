//! One client answers requests, another one makes them: `cargo run --example request_response`.

use martlet_client::{Client, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let service = Client::connect(Options::tcp("127.0.0.1", 1883)).await?;
    let mut requests = service.subscribe("examples/upper").await?;
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let answer = request.text().unwrap_or_default().to_uppercase();
            if let Some(reply) = service.reply(&request, answer)
                && let Err(error) = reply.await
            {
                eprintln!("no reply: {error}");
            }
        }
    });

    let client = Client::connect(Options::tcp("127.0.0.1", 1883)).await?;
    let requester = client.requester().await?;
    for word in ["swift", "swallow", "martlet"] {
        let answer = requester.request("examples/upper", word).await?;
        println!("{word}: {}", answer.text().unwrap_or_default());
    }
    client.disconnect().await?;
    Ok(())
}
