//! What the broker writes into its log.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use martlet_server::config::{Destinations, Dialect, LogSettings, LogTypes};
use martlet_server::logging::{Log, LogPlan};

use super::wait_until;

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Begins to keep the log of this process: that of all brokers that run in it.
pub(crate) fn capture() {
    FILE.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("martlet-server-test-{}.log", std::process::id()));
        let _ = fs::remove_file(&path);
        let destinations = Destinations { file: Some(path.clone()), ..Destinations::default() };
        let settings = LogSettings { destinations: Some(destinations), ..LogSettings::default() };
        Log::start(LogPlan::new(&settings, Dialect::Martlet, Some(LogTypes::verbose()))).unwrap();
        path
    });
}

/// Waits for a text.
pub(crate) fn wait_for(text: &str) {
    wait_until(&format!("the log says {text:?}"), || says(text));
}

/// Whether it has a text by now.
pub(crate) fn says(text: &str) -> bool {
    FILE.get().is_some_and(|path| fs::read_to_string(path).unwrap_or_default().contains(text))
}
