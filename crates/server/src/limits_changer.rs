//! Other limits and features while the broker runs.

use core::fmt;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use martlet_engine::Config;

use crate::auth::Guesses;
use crate::control::ControlHandlers;
use crate::control::about::About;
use crate::inbox::{Inboxes, Mail};
use crate::options::Options;
use crate::seats::Seats;
use crate::sys::SysMail;

/// Puts other limits and features in place of those of a running broker.
#[derive(Clone)]
pub struct LimitsChanger {
    inboxes: Arc<Inboxes>,
    sys: Option<Sender<SysMail>>,
    /// What the broker was started with.
    config: Config,
    pub(crate) seats: Arc<Seats>,
    pub(crate) guesses: Arc<Guesses>,
    control: ControlHandlers,
}

impl LimitsChanger {
    /// For a broker that starts with these options.
    pub(crate) fn new(options: &Options, inboxes: Arc<Inboxes>) -> Self {
        Self {
            inboxes,
            sys: None,
            config: options.engine.clone(),
            seats: Arc::new(Seats::new(options)),
            guesses: Arc::new(Guesses::new(options.wrong_passwords_max)),
            control: options.control.clone(),
        }
    }

    /// The same, which tells the thread for `$SYS/` as well.
    pub(crate) fn telling(self, sys: Option<Sender<SysMail>>) -> Self {
        Self { sys, ..self }
    }

    /// Lets what other options say count from now on: limits and features of the engine as far as they can change
    /// ([`Config::renewed`]), connections, wrong passwords, how often values are told below `$SYS/`, and whether `$CONTROL/broker/v1`
    /// is there.
    ///
    /// `order` tells for each listener of the broker which number it has in the options; without one it stays as it was.
    pub fn replace(&self, new: &Options, order: &[Option<u16>]) {
        let config = Arc::new(self.config.renewed(&self.arranged(&new.engine, order)));
        self.inboxes.send_to_all(|_| Mail::Configured(Arc::clone(&config)));
        self.seats.change(new, order);
        self.guesses.allow(new.wrong_passwords_max);
        // One that is there stays: it knows the listeners that are.
        let about = new.control.of(About::TOPIC).map(|about| self.control.of(About::TOPIC).unwrap_or(about));
        self.control.set(About::TOPIC, about);
        if let Some(sys) = &self.sys {
            let limits = config.limits.clone();
            // It has ended with the broker.
            let _ = sys.send(SysMail::Changed { interval: new.sys_interval, limits });
        }
    }

    /// A configuration of the engine with the rules of the listeners in the order of the broker's.
    fn arranged(&self, new: &Config, order: &[Option<u16>]) -> Config {
        let rules = |(number, old)| {
            let new = order
                .get(number)
                .copied()
                .flatten()
                .and_then(|number| new.listeners.get(usize::from(number)));
            new.unwrap_or(old).clone()
        };
        Config { listeners: self.config.listeners.iter().enumerate().map(rules).collect(), ..new.clone() }
    }
}

impl fmt::Debug for LimitsChanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitsChanger").finish_non_exhaustive()
    }
}
