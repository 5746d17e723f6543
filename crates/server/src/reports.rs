//! What the shards tell of themselves when they are asked.

use core::time::Duration;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use martlet_engine::{Commons, ShardId, Status};

use crate::inbox::{Inboxes, Mail};

/// How long the shards have for their answers.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);
/// How long what was told is new enough for whoever asks again.
const AGE_MAX: Duration = Duration::from_millis(500);

/// What one shard tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) shard: ShardId,
    /// The counters of its engine.
    pub(crate) status: Status,
    /// Connections that it accepted.
    pub(crate) accepted: u64,
    /// Since when its log cannot be written to.
    pub(crate) stalled_since: Option<SystemTime>,
}

/// What all shards tell together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    /// One for each shard, in their order; older where a shard did not answer in time.
    pub(crate) shards: Vec<Option<Report>>,
    /// Retained messages, and their bytes.
    pub(crate) retained: (usize, usize),
    /// The most Sessions that there were when the shards were asked.
    pub(crate) sessions_max: usize,
}

impl Reports {
    /// The counters of all shards together.
    pub(crate) fn status(&self) -> Status {
        let mut sum = Status::default();
        self.shards.iter().flatten().for_each(|report| sum += report.status);
        sum
    }

    /// Connections that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.shards.iter().flatten().map(|report| report.accepted).sum()
    }

    /// Since when a log cannot be written to.
    pub(crate) fn stalled_since(&self) -> Option<SystemTime> {
        self.shards.iter().flatten().filter_map(|report| report.stalled_since).min()
    }
}

/// Asks the shards. Clones share what was told last.
#[derive(Clone)]
pub(crate) struct Reporter {
    inboxes: Arc<Inboxes>,
    commons: Arc<Commons>,
    started: Instant,
    last: Arc<Mutex<(Option<Instant>, Reports)>>,
}

impl Reporter {
    pub(crate) fn new(inboxes: Arc<Inboxes>, commons: Arc<Commons>) -> Self {
        Self { inboxes, commons, started: Instant::now(), last: Arc::default() }
    }

    /// How long the broker has been there.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the shards tell now, or told a moment ago. Takes a second at most.
    pub(crate) fn ask(&self) -> Reports {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.is_none_or(|at| at.elapsed() > AGE_MAX) {
            self.renew(&mut last.1);
            last.0 = Some(Instant::now());
        }
        last.1.clone()
    }

    fn renew(&self, reports: &mut Reports) {
        reports.shards.resize(self.commons.shards().into(), None);
        reports.retained = self.commons.retained_size();
        for report in self.inboxes.ask_all(ANSWER_TIME_MAX, Mail::Report) {
            if let Some(place) = reports.shards.get_mut(usize::from(report.shard.0)) {
                *place = Some(report);
            }
        }
        reports.sessions_max = reports.sessions_max.max(reports.status().sessions);
    }
}

/// Where a shard sends its report.
pub(crate) type ReportTo = Sender<Report>;
