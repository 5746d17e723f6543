//! What the heap of this very program takes is counted.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use martlet_heap::{Counted, SLACK_BYTES, peak, used};

#[global_allocator]
static HEAP: Counted = Counted;

const MUCH: usize = 8 << 20;
/// What the test program itself may allocate meanwhile, and what threads have not told.
const NOISE: usize = 1 << 20;

/// The tests look at one count: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[track_caller]
fn assert_near(bytes: usize, expected: usize) {
    assert!(bytes.abs_diff(expected) < NOISE, "{bytes} is not about {expected}");
}

#[test]
fn what_is_allocated_counts_until_it_is_freed() {
    let _alone = alone();
    let before = used();
    let one = vec![1_u8; MUCH];
    let other = vec![0_u8; MUCH];
    assert_near(used(), before + 2 * MUCH);
    drop(one);
    assert_near(used(), before + MUCH);
    assert!(peak() >= before + 2 * MUCH - NOISE);
    drop(other);
    assert_near(used(), before);
}

#[test]
fn what_grows_and_shrinks_counts_as_it_is() {
    let _alone = alone();
    let before = used();
    let mut bytes = vec![1_u8; MUCH];
    bytes.reserve_exact(MUCH);
    assert_near(used(), before + 2 * MUCH);
    bytes.truncate(MUCH / 2);
    bytes.shrink_to_fit();
    assert_near(used(), before + MUCH / 2);
}

#[test]
fn small_pieces_of_many_threads_count() {
    let _alone = alone();
    let before = used();
    let piece = |_| thread::spawn(|| vec![1_u8; SLACK_BYTES / 2]);
    let threads: Vec<_> = (0..1_000).map(piece).collect();
    let pieces: Vec<Vec<u8>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    // No thread has reached its slack; each has told the rest at its end.
    assert_near(used(), before + 1_000 * SLACK_BYTES / 2);
    drop(pieces); // by another thread than the one that allocated them
    assert_near(used(), before);
}
