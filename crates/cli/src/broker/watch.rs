//! `reload_on_change`: the configuration is read again by itself when one of its files changes.

use core::time::Duration;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::SystemTime;

use martlet_server::config::{Configuration, Dialect};
use martlet_server::signals;

use super::{Arguments, configuration};

/// How often the files are looked at. A change counts when they were the same twice, so that nothing is read that is
/// being written.
const INTERVAL: Duration = Duration::from_millis(250);

/// What of a file shows that it has changed; `None` if it is not there.
type State = Option<(SystemTime, u64, u64)>;

/// The files of a configuration, and how they were seen last.
struct Watched {
    files: Vec<PathBuf>,
    states: Vec<State>,
}

impl Watched {
    fn new(configuration: &Configuration) -> Self {
        let files = configuration.files();
        Self { states: states(&files), files }
    }

    /// Whether anything has changed since it was asked last.
    fn has_changed(&mut self) -> bool {
        let states = states(&self.files);
        let has_changed = states != self.states;
        self.states = states;
        has_changed
    }
}

fn states(files: &[PathBuf]) -> Vec<State> {
    let state = |file: &PathBuf| {
        let facts = fs::metadata(file).ok()?;
        Some((facts.modified().ok()?, facts.len(), facts.ino()))
    };
    files.iter().map(state).collect()
}

/// Watches the files of a configuration as long as the program runs, and has it read again when they have changed, as
/// SIGHUP does.
///
/// # Errors
/// The operating system refuses a thread.
pub(super) fn watch(arguments: Arguments, dialect: Dialect, current: &Configuration) -> io::Result<()> {
    let mut watched = Watched::new(current);
    thread::Builder::new().name("watch".into()).spawn(move || {
        let mut is_changing = false;
        loop {
            thread::sleep(INTERVAL);
            if watched.has_changed() {
                is_changing = true;
            } else if core::mem::take(&mut is_changing) {
                tracing::info!("a file of the configuration has changed");
                // It may name other files. One that is wrong is told of by whoever reads it for the broker.
                if let Ok(new) = configuration(arguments.config_file.as_deref(), dialect, &mut Vec::new()) {
                    watched = Watched::new(&new);
                }
                if let Err(error) = signals::ask_for_reload() {
                    tracing::error!(%error, "the configuration cannot be read again");
                }
            }
        }
    })?;
    Ok(())
}
