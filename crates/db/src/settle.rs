//! Engines that begin to live together without clients, until there is nothing left to be done.

use martlet_engine::{BatchId, Engine, Input, Instant, Output, ShardId};

/// Does what a broker does at its start at this time: what is owed to other shards is sent and taken over, and what became
/// due meanwhile is done, such as the end of a Session or the publication of a Will. Nothing waits for a disk.
///
/// It ends, since each message that is sent is either new, of which a start makes a limited number, or is confirmed.
pub(crate) fn settle(engines: &mut [Engine], now: Instant) {
    for engine in engines.iter_mut() {
        engine.restored(now, BatchId(0));
        engine.handle(now, Input::WakeUp);
    }
    loop {
        let mut forwarded = Vec::new();
        for (from, engine) in (0..).map(ShardId).zip(engines.iter_mut()) {
            turn(engine, now, |to, batch| forwarded.push((from, to, batch)));
        }
        if forwarded.is_empty() {
            return;
        }
        for (from, to, batch) in forwarded {
            if let Some(engine) = engines.get_mut(usize::from(to.0)) {
                engine.handle(now, Input::Forwarded { from, batch: &batch });
            }
        }
    }
}

fn turn(engine: &mut Engine, now: Instant, mut forward: impl FnMut(ShardId, Vec<u8>)) {
    loop {
        match engine.poll() {
            Output::Persist { batch, .. } => engine.handle(now, Input::Persisted(batch)),
            Output::Forward { to, batch } => forward(to, batch),
            Output::WakeAt(_) => break,
            // Without connections there is nothing else to be done than to listen to notices.
            _ => {}
        }
    }
    engine.end_turn();
}
