//! What the service manager is told of the broker.

use core::time::Duration;
use std::env;
use std::io;
use std::sync::Arc;
use std::thread;

use martlet_server::Pulse;
use martlet_server::process::ServiceManager;

/// The service manager, if there is one.
#[derive(Clone)]
pub(super) struct Service(Option<Arc<ServiceManager>>);

impl Service {
    /// The one of this process.
    pub(super) fn of_this_process() -> Self {
        let found = ServiceManager::of_environment(env::var_os);
        Self(
            found
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "the service manager cannot be told of anything");
                    None
                })
                .map(Arc::new),
        )
    }

    pub(super) fn ready(&self) {
        self.tell(ServiceManager::ready);
    }

    pub(super) fn stopping(&self) {
        self.tell(ServiceManager::stopping);
    }

    /// Tells of a reload, its end included.
    pub(super) fn around_reload(&self, reload: impl FnOnce()) {
        self.tell(ServiceManager::reloading);
        reload();
        self.ready();
    }

    /// Tells again and again that the broker is alive, as long as all its shards are, where somebody wants to know.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(super) fn watch(&self, pulse: Pulse) -> io::Result<()> {
        let Some(manager) = self.0.clone() else { return Ok(()) };
        let Some(interval) = manager.watchdog_interval() else { return Ok(()) };
        // Twice in each interval, as `sd_watchdog_enabled(3)` recommends.
        let half = (interval / 2).max(Duration::from_millis(1));
        thread::Builder::new().name("watchdog".into()).spawn(move || {
            loop {
                if pulse.is_felt(half) {
                    manager.alive();
                } else {
                    tracing::error!(
                        "a shard does not answer; the service manager is not told that it is alive"
                    );
                }
                thread::sleep(half);
            }
        })?;
        Ok(())
    }

    fn tell(&self, what: impl FnOnce(&ServiceManager)) {
        if let Some(manager) = &self.0 {
            what(manager);
        }
    }
}
