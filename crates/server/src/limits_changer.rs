//! Other limits and features while the broker runs.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use martlet_engine::Config;

use crate::inbox::{Inboxes, Mail};
use crate::sys::SysMail;

/// Puts other limits and features in place of those of a running broker.
pub struct LimitsChanger {
    inboxes: Arc<Inboxes>,
    sys: Option<Sender<SysMail>>,
    /// What the broker was started with.
    config: Config,
}

impl LimitsChanger {
    pub(crate) const fn new(inboxes: Arc<Inboxes>, sys: Option<Sender<SysMail>>, config: Config) -> Self {
        Self { inboxes, sys, config }
    }

    /// Lets what a configuration says count from now on, as far as it can ([`Config::renewed`]), and tells the values below `$SYS/`
    /// so often, if at all.
    pub fn replace(&self, new: &Config, sys_interval: Option<Duration>) {
        let config = Arc::new(self.config.renewed(new));
        self.inboxes.send_to_all(|_| Mail::Configured(Arc::clone(&config)));
        if let Some(sys) = &self.sys {
            let limits = config.limits.clone();
            // It has ended with the broker.
            let _ = sys.send(SysMail::Changed { interval: sys_interval, limits });
        }
    }
}

impl fmt::Debug for LimitsChanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitsChanger").finish_non_exhaustive()
    }
}
