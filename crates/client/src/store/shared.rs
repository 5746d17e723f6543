//! A store that the options share with one client after the other.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{SessionStore, StoreError};

/// A store in the options.
#[derive(Clone)]
pub(crate) struct SharedStore(Arc<Inner>);

struct Inner {
    has_client: AtomicBool,
    store: Mutex<Box<dyn SessionStore>>,
}

impl SharedStore {
    pub(crate) fn new(store: impl SessionStore + 'static) -> Self {
        Self(Arc::new(Inner { has_client: AtomicBool::new(false), store: Mutex::new(Box::new(store)) }))
    }

    /// Takes the store for a client.
    pub(crate) fn lease(&self) -> Result<Lease, StoreError> {
        if self.0.has_client.swap(true, Ordering::AcqRel) {
            return Err(StoreError::HasClient);
        }
        Ok(Lease(self.clone()))
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore")
    }
}

/// The right to use a store; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lease(SharedStore);

impl Lease {
    /// Uses the store on a thread that may block. What was begun goes on when this future is dropped.
    pub(crate) fn act<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut dyn SessionStore) -> Result<R, StoreError> + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<R, StoreError>> {
        let inner = Arc::clone(&self.0.0);
        tokio::task::spawn_blocking(move || {
            act(&mut **inner.store.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.0.has_client.store(false, Ordering::Release);
    }
}
