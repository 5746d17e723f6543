//! What signals ask for: above all SIGHUP, on which the configuration is read again.

use std::io;

use martlet_server::config::{Configuration, Dialect, ListenerSettings, changes};
use martlet_server::logging::{Log, LogPlan};
use martlet_server::signals::Orders;
use martlet_server::{Broker, Operator, Options, Security, TlsReloader};

use super::service::Service;
use super::{Arguments, configuration, options, say, say_notes};

/// What reads the configuration again.
pub(super) struct Reloader {
    arguments: Arguments,
    dialect: Dialect,
    /// What the broker was started with, as far as it has not changed.
    current: Configuration,
    log: Log,
    tls: TlsReloader,
    operator: Operator,
    service: Service,
}

impl Reloader {
    pub(super) fn new(
        arguments: Arguments,
        dialect: Dialect,
        current: Configuration,
        log: Log,
        service: Service,
        broker: &Broker,
    ) -> Self {
        let (tls, operator) = (broker.tls_reloader(), broker.operator());
        Self { arguments, dialect, current, log, tls, operator, service }
    }

    /// Opens the log anew.
    fn open_log(&self) {
        let plan = LogPlan::new(&self.current.settings.logging, self.dialect, self.arguments.log_types);
        if let Err(error) = self.log.change(plan) {
            tracing::error!(%error, "the log goes on as it was");
        }
    }

    /// Reads the configuration again. What can change at once changes; of the rest the log says that it needs a restart.
    /// A configuration that is wrong changes nothing. The log file is opened anew in any case.
    fn read_again(&mut self) {
        match self.dialect {
            Dialect::Martlet => tracing::info!("SIGHUP: reading the configuration again"),
            Dialect::Mosquitto => tracing::info!("Reloading config."),
        }
        if let Some((new, options)) = self.read() {
            for change in changes(&self.current, &new).iter().filter(|change| !change.is_live()) {
                let (option, section) = (change.option.name, change.section.as_str());
                tracing::warn!(option, section, "changed, and takes effect after a restart");
            }
            self.reload_tls(&new.settings.listeners, &options);
            self.current.settings.logging = new.settings.logging;
        }
        self.open_log();
    }

    /// Reads the TLS options of all listeners anew that listen where they did before.
    fn reload_tls(&self, listeners: &[ListenerSettings], options: &Options) {
        for (listener, options) in listeners.iter().zip(&options.listeners) {
            let Some(Security::Tls(tls)) = &options.security else { continue };
            let mut there = (0..).zip(&self.current.settings.listeners);
            let Some((number, _)) = there.find(|(_, old)| old.place == listener.place) else { continue };
            match self.tls.reload(number, tls) {
                Ok(()) => tracing::info!(listener = %listener.place, "certificates were read again"),
                Err(error) => {
                    tracing::error!(%error, listener = %listener.place, "certificates stay as they were");
                }
            }
        }
    }

    /// The configuration as it is now, and what it would start the broker with, if it is good.
    fn read(&self) -> Option<(Configuration, Options)> {
        let mut notes = Vec::new();
        let read = configuration(self.arguments.config_file.as_deref(), self.dialect, &mut notes);
        say_notes(&notes, self.dialect);
        let new = match read {
            Ok(new) => new,
            Err(error) => {
                match self.dialect {
                    Dialect::Martlet => tracing::error!("{error}; everything stays as it was"),
                    Dialect::Mosquitto => {
                        for line in error.mosquitto_lines() {
                            tracing::error!("{line}");
                        }
                    }
                }
                return None;
            }
        };
        match options(&self.arguments, &new, self.dialect) {
            Ok(options) => Some((new, options)),
            Err(error) => {
                tracing::error!("{error}; everything stays as it was");
                None
            }
        }
    }
}

impl Orders for Reloader {
    fn reload(&mut self) {
        let service = self.service.clone();
        service.around_reload(|| self.read_again());
    }

    fn stopping(&mut self) {
        self.service.stopping();
    }

    fn rotate_log(&mut self) {
        self.open_log();
    }

    fn save(&mut self) {
        tracing::info!("SIGUSR1: all that has to survive is in the log already; a checkpoint begins");
        self.operator.save();
    }

    fn print_subscriptions(&mut self) {
        tracing::info!("SIGUSR2: the subscriptions go to standard output");
        say(io::stdout(), self.operator.subscription_tree());
    }
}
