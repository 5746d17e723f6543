//! Counts the bytes on the heap of a program.
//!
//! [`Counted`] is the allocator of the system with a count before it. A program that wants the count makes it its own:
//!
//! ```
//! #[global_allocator]
//! static HEAP: martlet_heap::Counted = martlet_heap::Counted;
//!
//! let before = martlet_heap::used();
//! let much = vec![1_u8; 1 << 20];
//! assert!(martlet_heap::used() >= before + much.len() - martlet_heap::SLACK_BYTES);
//! ```
//!
//! Each thread counts for itself, and adds to the common count when its own has grown to [`SLACK_BYTES`], so threads do not
//! meet at one counter. What a thread has not added yet it adds when it ends.
//!
//! This is the one crate with unsafe code, since an allocator is unsafe by definition. All that it does with memory is to hand
//! each call on unchanged.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::sync::atomic::{AtomicIsize, Ordering};
use std::alloc::System;

/// By how many bytes the count may be wrong for each thread.
pub const SLACK_BYTES: usize = 16 << 10;

/// What all threads have told. It may be less than 0 for a moment: one thread frees what another has not told of yet.
static USED: AtomicIsize = AtomicIsize::new(0);
/// The most of it.
static PEAK: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static OWN: Own = const { Own(Cell::new(0)) };
}

/// The bytes on the heap, as the program asked for them: what the allocator needs beside them does not count. 0 if [`Counted`] is
/// not the allocator of the program.
pub fn used() -> usize {
    USED.load(Ordering::Relaxed).try_into().unwrap_or(0)
}

/// The most bytes that were on the heap.
pub fn peak() -> usize {
    PEAK.load(Ordering::Relaxed).try_into().unwrap_or(0)
}

/// What a thread has not told yet.
struct Own(Cell<isize>);

impl Own {
    fn add(&self, bytes: isize) {
        let bytes = self.0.get() + bytes;
        if bytes.unsigned_abs() < SLACK_BYTES {
            self.0.set(bytes);
        } else {
            self.0.set(0);
            tell(bytes);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        tell(self.0.get());
    }
}

fn tell(bytes: isize) {
    let used = USED.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if bytes > 0 {
        PEAK.fetch_max(used, Ordering::Relaxed);
    }
}

/// Counts bytes that come, or go where they are negative.
///
/// An allocator may use thread-local variables, those with a destructor included: the standard library takes what it needs for
/// them from [`System`] itself.
fn count(bytes: isize) {
    if OWN.try_with(|own| own.add(bytes)).is_err() {
        tell(bytes); // the thread is about to end
    }
}

/// A size as a number that may be negative. None is above `isize::MAX`: a [`Layout`] has no such size.
fn signed(size: usize) -> isize {
    size.cast_signed()
}

/// The allocator of the system, with a count before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted;

// SAFETY: each call goes on to `System` unchanged, which keeps the contract. Counting allocates nothing through this allocator,
// and does not panic.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let block = unsafe { System.alloc(layout) };
        count_if(block, signed(layout.size()));
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let block = unsafe { System.alloc_zeroed(layout) };
        count_if(block, signed(layout.size()));
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is one of `System`.
        unsafe { System.dealloc(block, layout) }
        count(-signed(layout.size()));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`, and the block is one of `System`.
        let block = unsafe { System.realloc(block, layout, new_size) };
        count_if(block, signed(new_size) - signed(layout.size()));
        block
    }
}

/// Counts the bytes if there is a block: what the system refuses takes none.
fn count_if(block: *mut u8, bytes: isize) {
    if !block.is_null() {
        count(bytes);
    }
}
