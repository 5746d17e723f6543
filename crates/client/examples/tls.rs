//! Connects with TLS: `cargo run --example tls -- mqtts://broker.example:8883 ca.pem [client.pem client.key]`.
//!
//! Without `ca.pem` it trusts what the operating system trusts. The URL may also be `wss://broker.example/mqtt`.

use martlet_client::{Client, ConnectError, Options, QoS, Tls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, files) = arguments.split_first().ok_or("usage: tls URL [CA [CERTIFICATE KEY]]")?;
    let mut tls = Tls::default();
    if let Some(authority) = files.first() {
        tls = tls.ca_file(authority)?;
    }
    if let [_, certificate, key] = files {
        tls = tls.client_certificate(certificate, key)?;
    }
    let client = match Client::connect(Options::from_url(url)?.tls(tls)).await {
        Ok(client) => client,
        // A certificate that is not trusted, or not for this host, is told in words.
        Err(ConnectError::Io(error)) => return Err(format!("no TLS connection: {error}").into()),
        Err(error) => return Err(error.into()),
    };
    let mut echo = client.subscribe("examples/tls").await?;
    client.publish("examples/tls", "nobody else can read this").qos(QoS::AtLeastOnce).await?;
    if let Some(message) = echo.recv().await {
        println!("{}: {}", message.topic(), message.text().unwrap_or_default());
    }
    client.disconnect().await?;
    Ok(())
}
