//! All bridges of a broker, on one thread.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, watch};

use crate::link::{Link, Orders, PREPARE_TIME_MAX};
use crate::notice::Notice;
use crate::options::BridgeOptions;

/// How the broker is reached that the bridges are of.
pub trait Near: Send + Sync {
    /// A non-blocking socket to a connection that is let in without being asked who it is.
    ///
    /// # Errors
    /// The operating system has no sockets left.
    fn open(&self, end: NearEnd) -> io::Result<UnixStream>;

    /// Publishes a retained message of the broker itself. Best effort.
    fn tell(&self, topic: &str, payload: &[u8]);

    /// How many messages wait in the Session of this Client Identifier, those on their way included.
    fn waiting(&self, client_identifier: &str) -> usize;
}

/// What the broker has to know of a near end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearEnd {
    /// The Packet Identifier that was used last towards the other broker, 0 before the first: the next message has the next one,
    /// if no other is unfinished.
    pub last_packet_id: u16,
    /// The Session at the other broker is a new one: Packet Identifiers of QoS 2 messages that came from it are free again.
    pub has_new_session: bool,
    /// Messages of QoS 1 and 2 are sent to it; otherwise it only comes to subscribe.
    pub takes_messages: bool,
}

/// Takes what the bridges have to tell: the name of the bridge, and what happened.
pub type Log = Arc<dyn Fn(&str, &Notice) + Send + Sync>;

/// When a changed configuration reaches a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When it connects the next time.
    Lazy,
    /// At once: it connects anew.
    Immediate,
}

enum Command {
    Put(Arc<BridgeOptions>, Reload),
    Remove(String),
    TellWhenListening(std::sync::mpsc::Sender<()>),
}

/// All bridges of a broker. They end when it is dropped.
pub struct Bridges {
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Bridges {
    /// A thread without bridges.
    ///
    /// # Errors
    /// The operating system refuses a thread or what a runtime needs.
    pub fn start(near: Arc<dyn Near>, log: Log) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (commands, received) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("bridges".into())
            .spawn(move || runtime.block_on(run(received, near, log)))?;
        Ok(Self { commands: Some(commands), thread: Some(thread) })
    }

    /// Starts a bridge, or gives the one of this name other options.
    pub fn put(&self, options: BridgeOptions, reload: Reload) {
        self.send(Command::Put(Arc::new(options), reload));
    }

    /// Waits until all bridges that were put before have subscribed at this broker, if their Sessions there outlive a connection:
    /// what is published from then on waits for them. Takes ten seconds at most.
    pub fn wait_until_listening(&self) {
        let (done, wait) = std::sync::mpsc::channel();
        self.send(Command::TellWhenListening(done));
        // The end of the thread is an answer, too.
        let _ = wait.recv_timeout(PREPARE_TIME_MAX);
    }

    /// Ends a bridge.
    pub fn remove(&self, name: &str) {
        self.send(Command::Remove(name.to_owned()));
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread ends only when this does.
            let _ = commands.send(command);
        }
    }
}

impl core::fmt::Debug for Bridges {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Bridges").finish_non_exhaustive()
    }
}

impl Drop for Bridges {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been told by then.
            let _ = thread.join();
        }
    }
}

/// One bridge that runs.
struct Running {
    orders: watch::Sender<Orders>,
    listens: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(options: Arc<BridgeOptions>, near: Arc<dyn Near>, log: Log) -> Self {
        let (orders, received) = watch::channel(Orders::new(options));
        let (tell, listens) = watch::channel(false);
        Self { orders, listens, task: tokio::spawn(Link::new(received, near, log).run(tell)) }
    }

    async fn end(self) {
        drop(self.orders);
        // A panic has been told by then.
        let _ = self.task.await;
    }
}

async fn run(mut commands: mpsc::UnboundedReceiver<Command>, near: Arc<dyn Near>, log: Log) {
    let mut bridges: HashMap<String, Running> = HashMap::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Put(options, reload) => {
                if let Some(running) = bridges.get(&options.name) {
                    running.orders.send_modify(|orders| orders.replace(options, reload));
                } else {
                    let name = options.name.clone();
                    let running = Running::start(options, Arc::clone(&near), Arc::clone(&log));
                    bridges.insert(name, running);
                }
            }
            Command::TellWhenListening(done) => {
                for running in bridges.values_mut() {
                    // One that has ended will never listen.
                    let _ = running.listens.wait_for(|listens| *listens).await;
                }
                // Who asked may have stopped waiting.
                let _ = done.send(());
            }
            Command::Remove(name) => {
                if let Some(running) = bridges.remove(&name) {
                    running.end().await;
                }
            }
        }
    }
    // All at once: each may take a moment to say good-bye.
    let tasks: Vec<_> = bridges.into_values().map(|running| tokio::spawn(running.end())).collect();
    for task in tasks {
        let _ = task.await;
    }
}
