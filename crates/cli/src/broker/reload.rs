//! What signals ask for: above all SIGHUP, on which the configuration is read again.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::sync::Arc;

use martlet_server::config::{Configuration, Dialect, Note, ReloadErrors, changes};
use martlet_server::logging::{Log, LogPlan, OWN};
use martlet_server::signals::Orders;
use martlet_server::{
    Broker, LimitsChanger, MemoryLimit, Operator, Options, Place, ReloadError, RulesChanger, Security,
    Stopper, TlsReloader,
};

use super::bridges::BridgeKeeper;
use super::service::Service;
use super::{Arguments, BrokerError, configuration, options, say, say_notes};

/// What reads the configuration again.
pub(super) struct Reloader {
    arguments: Arguments,
    dialect: Dialect,
    /// What the broker was started with, as far as it has not changed.
    current: Configuration,
    log: Log,
    /// Where the broker listens.
    places: Vec<Place>,
    tls: TlsReloader,
    rules: RulesChanger,
    limits: LimitsChanger,
    operator: Operator,
    memory: Arc<MemoryLimit>,
    service: Service,
    bridges: BridgeKeeper,
    stopper: Stopper,
    /// The broker has to end since something that was read is wrong.
    has_failed: Arc<AtomicBool>,
}

impl Reloader {
    pub(super) fn new(
        arguments: Arguments,
        dialect: Dialect,
        current: Configuration,
        (log, service, places, bridges): (Log, Service, Vec<Place>, BridgeKeeper),
        broker: &Broker,
    ) -> Self {
        Self {
            arguments,
            dialect,
            current,
            log,
            places,
            tls: broker.tls_reloader(),
            rules: broker.rules_changer(),
            limits: broker.limits_changer(),
            operator: broker.operator(),
            memory: broker.memory_limit(),
            service,
            bridges,
            stopper: broker.stopper(),
            has_failed: Arc::default(),
        }
    }

    /// Whether the broker has to end since something that was read is wrong.
    pub(super) fn has_failed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_failed)
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
        let mut notes = Vec::new();
        let read = self.read(&mut notes);
        if let Some((_, options)) = &read {
            let order = self.order(options);
            self.replace_rules(options, &order);
            self.limits.replace(options, &order);
            self.reload_tls(options, &order);
            self.memory.set(options.memory_bytes_max);
        }
        self.rules.conclude();
        say_notes(&notes, self.dialect);
        if let Some((new, _)) = read {
            for change in changes(&self.current, &new).iter().filter(|change| !change.is_live()) {
                let (option, section) = (change.option.name, change.section.as_str());
                tracing::warn!(option, section, "changed, and takes effect after a restart");
            }
            self.bridges.keep(&new.settings);
            self.current.settings.bridges = new.settings.bridges;
            self.current.settings.logging = new.settings.logging;
        }
        self.open_log();
    }

    /// The number that each listener of the broker has in other options.
    fn order(&self, options: &Options) -> Vec<Option<u16>> {
        let number = |place: &Place| {
            let mut numbers = (0..).zip(&options.listeners);
            numbers.find(|(_, listener)| listener.place == *place).map(|(number, _)| number)
        };
        self.places.iter().map(number).collect()
    }

    /// Reads what TLS needs anew for all listeners that listen where they did before.
    fn reload_tls(&self, options: &Options, order: &[Option<u16>]) {
        for (number, new) in (0..).zip(order) {
            let listener = new.and_then(|new| options.listeners.get(usize::from(new)));
            let Some(security) = listener.and_then(|listener| listener.security.as_ref()) else { continue };
            match self.tls.reload(number, security) {
                Ok(()) => tracing::info!(listener = number, "certificates were read again"),
                Err(error) => self.say_certificates_stay(&error, number, security),
            }
        }
    }

    fn say_certificates_stay(&self, error: &ReloadError, listener: u16, security: &Security) {
        if let (Dialect::Mosquitto, Security::Tls(tls)) = (self.dialect, security) {
            let (certificate, key) = (tls.certificate_file.display(), tls.key_file.display());
            tracing::error!("Error: {error}");
            tracing::error!("Error when reloading certificate '{certificate}' or key '{key}'.");
        } else {
            tracing::error!(%error, listener, "certificates stay as they were");
        }
    }

    /// Lets what was read decide who may come in and do what.
    fn replace_rules(&self, options: &Options, order: &[Option<u16>]) {
        let authority = options.authority.as_deref().cloned().unwrap_or_default();
        match self.rules.replace(authority, order) {
            Ok(()) => tracing::debug!("who may come in and do what was read again"),
            Err(error) => tracing::error!(%error, "who may come in and do what stays as it was"),
        }
    }

    /// The configuration as it is now, and what it would start the broker with, if it is good.
    fn read(&self, notes: &mut Vec<Note>) -> Option<(Configuration, Options)> {
        let read = configuration(self.arguments.config_file.as_deref(), self.dialect, notes);
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
                self.refuse(&new, &error);
                None
            }
        }
    }

    /// What was read cannot be used: everything stays as it was, or the broker ends.
    fn refuse(&self, new: &Configuration, error: &BrokerError) {
        let fallback =
            if self.dialect == Dialect::Mosquitto { ReloadErrors::Fatal } else { ReloadErrors::Keep };
        let is_fatal = new.settings.general.reload_errors.unwrap_or(fallback) == ReloadErrors::Fatal
            && matches!(error, BrokerError::Plan(cause) if cause.is_about_clients());
        match self.dialect {
            Dialect::Martlet if is_fatal => tracing::error!("{error}; the broker ends"),
            Dialect::Martlet => tracing::error!("{error}; everything stays as it was"),
            Dialect::Mosquitto => {
                for line in error.mosquitto_lines() {
                    tracing::error!("{line}");
                }
            }
        }
        if is_fatal {
            self.has_failed.store(true, Ordering::Relaxed);
            self.stopper.stop();
        }
    }
}

impl Orders for Reloader {
    fn expect_reload(&mut self) {
        self.rules.announce();
    }

    fn reload(&mut self) {
        let service = self.service.clone();
        service.around_reload(|| self.read_again());
    }

    fn stopping(&mut self) {
        self.bridges.end();
        self.service.stopping();
    }

    fn rotate_log(&mut self) {
        self.open_log();
    }

    fn save(&mut self) {
        tracing::info!(target: OWN, "SIGUSR1: all that has to survive is in the log already; a checkpoint begins");
        self.operator.save();
    }

    fn print_subscriptions(&mut self) {
        tracing::info!(target: OWN, "SIGUSR2: the subscriptions go to standard output");
        say(io::stdout(), self.operator.subscription_tree());
    }
}
