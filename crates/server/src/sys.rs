//! The `$SYS` topics: what the broker tells of itself, at intervals.
//!
//! A thread of its own asks the shards for their counters and publishes the values that changed. The topics are Mosquitto's;
//! what Mosquitto does not have is below `$SYS/broker/martlet/`.

mod load;
pub(crate) mod metrics;
mod own;

use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use martlet_engine::Limits;
use martlet_wire::QoS;

use crate::memory::MemoryLimit;
use crate::publisher::{OwnMessage, Publisher};
use crate::reports::{Reporter, Reports};
use load::Loads;

/// What stands below each topic, and where.
const ROOT: &str = "$SYS/broker/";
/// As Mosquitto publishes them.
const QOS: QoS = QoS::ExactlyOnce;

/// What the thread works with.
pub(crate) struct Sys {
    pub(crate) interval: Option<Duration>,
    pub(crate) reporter: Reporter,
    pub(crate) publisher: Publisher,
    pub(crate) limits: Limits,
    pub(crate) has_log: bool,
    pub(crate) memory: Arc<MemoryLimit>,
}

/// What the thread is told.
pub(crate) enum SysMail {
    /// How often it tells from now on, if at all, and of which limits.
    Changed { interval: Option<Duration>, limits: Limits },
    /// It ends.
    Stop,
}

/// The thread. Its end comes with [`SysThread::stop`].
pub(crate) struct SysThread {
    mail: Sender<SysMail>,
    thread: JoinHandle<()>,
}

impl SysThread {
    /// Starts it.
    ///
    /// # Errors
    /// The operating system has no thread.
    pub(crate) fn start(sys: Sys) -> io::Result<Self> {
        let (mail, received) = channel();
        let thread = thread::Builder::new().name("sys".into()).spawn(move || sys.run(&received))?;
        Ok(Self { mail, thread })
    }

    /// Where it is told things.
    pub(crate) fn mail(&self) -> Sender<SysMail> {
        self.mail.clone()
    }

    /// Ends it; takes as long as the shards take for an answer.
    pub(crate) fn stop(self) {
        // If it has panicked, the log has it, and nobody depends on it.
        let _ = self.mail.send(SysMail::Stop);
        let _ = self.thread.join();
    }
}

impl Sys {
    fn run(mut self, mail: &Receiver<SysMail>) {
        let mut topics = Topics::default();
        let mut loads = Loads::default();
        topics.set("version", format!("martlet version {}", env!("CARGO_PKG_VERSION")));
        own::limits(&self.limits, &mut topics);
        let mut last = Instant::now();
        loop {
            let received = match self.interval {
                None => mail.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(interval) => {
                    let reports = self.reporter.ask();
                    let now = Instant::now();
                    self.tell(&reports, now - last, &mut loads, &mut topics);
                    last = now;
                    let changed = topics.take_changed();
                    if self.publisher.publish(changed).is_err() {
                        topics.forget(); // all is told with the next
                    }
                    mail.recv_timeout(interval.saturating_sub(now.elapsed()))
                }
            };
            match received {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(SysMail::Changed { interval, limits }) => {
                    self.interval = interval;
                    own::limits(&limits, &mut topics);
                }
                Ok(SysMail::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn tell(&self, reports: &Reports, passed: Duration, loads: &mut Loads, topics: &mut Topics) {
        topics.set("uptime", format!("{} seconds", self.reporter.uptime().as_secs()));
        for metric in metrics::values(reports) {
            topics.set(metric.topic, metric.value.to_string());
            if let Some(alias) = metric.alias {
                topics.set(alias, metric.value.to_string());
            }
        }
        loads.renew(reports, passed, |topic, value| topics.set(&topic, format!("{value:.2}")));
        own::tell(reports, self.has_log, topics);
        own::memory(&self.memory, topics);
    }
}

/// The topics, and which of their values were not published yet.
#[derive(Debug, Default)]
struct Topics {
    values: BTreeMap<String, String>,
    changed: Vec<String>,
}

impl Topics {
    /// The value below [`ROOT`] is this from here on.
    fn set(&mut self, topic: &str, value: String) {
        if self.values.get(topic) != Some(&value) {
            self.values.insert(topic.to_owned(), value);
            if !self.changed.iter().any(|other| other == topic) {
                self.changed.push(topic.to_owned());
            }
        }
    }

    /// What is to be published.
    fn take_changed(&mut self) -> Vec<OwnMessage> {
        let changed = core::mem::take(&mut self.changed);
        let message = |topic: String| {
            let payload = self.values.get(&topic)?.clone().into_bytes();
            Some(OwnMessage {
                topic: format!("{ROOT}{topic}"),
                payload,
                qos: QOS,
                expiry_interval: None,
                retain: true,
            })
        };
        changed.into_iter().filter_map(message).collect()
    }

    /// Nothing counts as published.
    fn forget(&mut self) {
        self.changed = self.values.keys().cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_change_is_not_told() {
        let mut topics = Topics::default();
        topics.set("a", "1".into());
        topics.set("b", "1".into());
        topics.set("b", "2".into());
        let told = |topics: &mut Topics| -> Vec<(String, Vec<u8>)> {
            topics.take_changed().into_iter().map(|it| (it.topic, it.payload)).collect()
        };
        let pair = |name: &str, value: &str| (format!("$SYS/broker/{name}"), value.as_bytes().to_vec());
        assert_eq!(told(&mut topics), [pair("a", "1"), pair("b", "2")]);
        topics.set("a", "1".into());
        topics.set("b", "3".into());
        assert_eq!(told(&mut topics), [pair("b", "3")]);
        topics.forget();
        assert_eq!(told(&mut topics), [pair("a", "1"), pair("b", "3")]);
    }
}
