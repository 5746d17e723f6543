//! The client library as an application uses it: publishes one after the other are handed over, and their ends are waited for.

use core::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use martlet_client::store::DirectoryStore;
use martlet_client::{Client, Options, QoS};

/// What to publish through the library.
#[derive(Args)]
pub(crate) struct Library {
    /// The broker's URL.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883")]
    url: String,
    /// 0, 1 or 2.
    #[arg(long, default_value_t = 0)]
    qos: u8,
    /// How many messages.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Bytes of payload.
    #[arg(long, default_value_t = 16)]
    payload: usize,
    /// Unfinished messages at most.
    #[arg(long, default_value_t = 1024)]
    window: usize,
    /// Keeps the Session in this directory.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Leaves the writing to the disk to the operating system.
    #[arg(long, requires = "store")]
    no_sync: bool,
}

impl Library {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?
            .block_on(self.publish())
    }

    async fn publish(&self) -> Result<(), Box<dyn Error>> {
        let qos = QoS::try_from(self.qos).map_err(|_| "--qos is 0, 1 or 2")?;
        let mut options = Options::from_url(&self.url)?.unfinished_publishes_max(self.window);
        if let Some(directory) = &self.store {
            let store = DirectoryStore::new(directory).sync(!self.no_sync);
            options = options.client_identifier("bench").clean_start(false).session_store(store);
        }
        let client = Client::connect(options).await?;
        let payload = vec![b'x'; self.payload];
        let started = Instant::now();
        let mut completions = std::collections::VecDeque::new();
        for _ in 0..self.messages {
            completions.push_back(client.publish("bench", payload.clone()).qos(qos).enqueue().await?);
            if completions.len() >= 2 * self.window
                && let Some(completion) = completions.pop_front()
            {
                completion.await?;
            }
        }
        for completion in completions {
            completion.await?;
        }
        let seconds = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "nobody publishes that many")]
        let rate = self.messages as f64 / seconds;
        println!("QoS {}: {} messages in {seconds:.2} s, {rate:.0} a second", self.qos, self.messages);
        client.disconnect().await?;
        Ok(())
    }
}
