//! What has to survive: on its way to the log, and into checkpoints.

use martlet_engine::Input;

use super::Shard;
use crate::persist::News;

/// Bytes of a checkpoint that one turn writes, so that clients do not have to wait for it.
const CHECKPOINT_BYTES_PER_TURN: usize = 256 << 10;

impl Shard {
    /// Takes in what the log has to say.
    pub(super) fn hear_log(&mut self, news: &News) {
        if let Some(log) = &mut self.parts.log {
            log.hear(news);
        }
        match news {
            News::Durable(batch) => {
                self.durable = *batch;
                self.parts.engine.handle(self.now, Input::Persisted(*batch));
            }
            News::Stalled => self.parts.engine.handle(self.now, Input::LogStalled),
            News::Checkpointed { .. } => self.parts.engine.checkpoint_is_durable(),
            News::NotCheckpointed => {}
        }
    }

    /// Begins a checkpoint soon, whether or not it is time.
    pub(super) fn save(&mut self) {
        if let Some(log) = &mut self.parts.log {
            log.want_checkpoint();
        }
    }

    /// Begins a checkpoint when it is time, and writes a part of it.
    pub(super) fn keep(&mut self) {
        let Some(log) = &mut self.parts.log else { return };
        let engine = &mut self.parts.engine;
        if (log.wants_checkpoint(|| engine.kept_things(), engine.cleared_topics())
            || engine.needs_checkpoint())
            && let Some(behind) = engine.begin_checkpoint()
        {
            log.begin_checkpoint(behind, engine.kept_things());
        }
        let Some(job) = log.job() else { return };
        job.advance(self.durable);
        if !job.takes_more() {
            return;
        }
        match engine.checkpoint_part(CHECKPOINT_BYTES_PER_TURN) {
            Some(part) if part.is_empty() => {}
            Some(part) => job.part(part),
            None => job.complete(engine.last_batch()),
        }
        job.advance(self.durable);
    }

    /// Writes the last of it. Answers whether all is saved.
    pub(super) fn save_last(&mut self) -> bool {
        let Some(log) = self.parts.log.take() else { return true };
        let shard = self.parts.id.0;
        let has_gaps = self.parts.engine.has_gaps();
        if has_gaps {
            tracing::error!(
                shard,
                "retained messages of QoS 0 that came while the log could not be written to are lost"
            );
        }
        match log.close() {
            Ok(()) => !has_gaps,
            Err(error) => {
                tracing::error!(shard, %error, "the last changes could not be written to the log and are lost");
                false
            }
        }
    }

    /// Whether a checkpoint goes on without anything happening.
    pub(super) fn has_to_keep(&self) -> bool {
        self.parts.log.as_ref().is_some_and(crate::persist::ShardLog::has_work)
    }
}
