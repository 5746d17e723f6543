//! Threads that find out what takes long, such as hashing passwords. No shard waits for them.

use core::panic::AssertUnwindSafe;
use std::io;
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use martlet_engine::{ConnectionId, Question, ShardId, Verdict};
use martlet_wire::ReasonCode;

use super::turns::{Origin, Turns};
use crate::inbox::{Inboxes, Mail};
use crate::options::Authenticator;

/// How far behind the shards these threads stand for the scheduler; 0 is their equal, 19 the last.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// A question, and who wants to know.
struct Check {
    shard: ShardId,
    connection: ConnectionId,
    question: Question,
}

/// Threads that answer questions. Dropping it ends them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    /// Something waits, or the end has come.
    changed: Condvar,
    inboxes: Arc<Inboxes>,
}

#[derive(Default)]
struct State {
    turns: Turns<Check>,
    authenticator: Option<Arc<Authenticator>>,
    ends: bool,
}

impl Pool {
    /// A pool that has nothing to do.
    pub(crate) fn new(inboxes: Arc<Inboxes>) -> Self {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), inboxes };
        Self { shared: Arc::new(shared), threads: Mutex::default() }
    }

    /// Answers by this from now on. Threads are started when they are needed first: one for two cores, so that as many
    /// passwords as may come leave room for those who are connected.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn employ(&self, authenticator: Option<Arc<Authenticator>>) -> io::Result<()> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if authenticator.is_some() && threads.is_empty() {
            let cores = thread::available_parallelism().map_or(1, core::num::NonZero::get);
            for number in 0..cores.div_ceil(2) {
                let shared = Arc::clone(&self.shared);
                let builder = thread::Builder::new().name(format!("auth-{number}"));
                threads.push(builder.spawn(move || shared.work())?);
            }
        }
        self.shared.lock().authenticator = authenticator;
        Ok(())
    }

    /// Asks a question; the answer comes by mail.
    ///
    /// # Errors
    /// The answer, where nobody can find out: nobody is there who could, or too many wait already.
    pub(crate) fn ask(
        &self,
        shard: ShardId,
        connection: ConnectionId,
        question: Question,
    ) -> Result<(), Verdict> {
        let mut state = self.shared.lock();
        if state.authenticator.is_none() {
            return Err(Verdict::Refuse(ReasonCode::NotAuthorized));
        }
        let origin = Origin::of(question.peer.address.map(|address| address.ip()));
        if !state.turns.push(origin, Check { shard, connection, question }) {
            return Err(Verdict::Refuse(ReasonCode::ServerBusy));
        }
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        self.shared.changed.notify_all();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A panic has been told by then, and nobody is left to be told again.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole or has not begun, so what a panicking thread left is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        // Whoever is connected goes first where processors are short. Only on Linux this is about the thread alone; it matters
        // little if it is not allowed.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        while let Some((check, authenticator)) = self.next() {
            let Check { shard, connection, question } = check;
            let verdict = catch_unwind(AssertUnwindSafe(|| authenticator(&question))).unwrap_or_else(|_| {
                tracing::error!("finding out who a client is failed; it is refused");
                Verdict::Refuse(ReasonCode::UnspecifiedError)
            });
            self.inboxes.send(shard, Mail::Authenticated { connection, peer: question.peer, verdict });
        }
    }

    /// Waits for the next question; `None` at the end.
    fn next(&self) -> Option<(Check, Arc<Authenticator>)> {
        let mut state = self.lock();
        loop {
            if state.ends {
                return None;
            }
            if let Some(authenticator) = state.authenticator.clone()
                && let Some(check) = state.turns.pop()
            {
                return Some((check, authenticator));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
