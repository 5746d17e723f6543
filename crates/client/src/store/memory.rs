//! The Session in memory.

use super::{SessionChange, SessionStore, StoreError, StoredSession};

/// Keeps the Session for the next client of the same process: one that is started with a clone of the same
/// [`Options`](crate::Options), after this one ended.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    client_identifier: Option<String>,
    session: StoredSession,
}

impl SessionStore for MemoryStore {
    fn load(&mut self, client_identifier: &str) -> Result<StoredSession, StoreError> {
        let stored = self.client_identifier.get_or_insert_with(|| client_identifier.to_owned());
        if stored != client_identifier {
            return Err(StoreError::OtherClient { stored: stored.clone() });
        }
        Ok(self.session.clone())
    }

    fn commit(&mut self, changes: &[SessionChange]) -> Result<(), StoreError> {
        for change in changes {
            self.session.apply(change);
        }
        Ok(())
    }
}
