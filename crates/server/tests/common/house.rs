//! A broker by the text of a configuration.

use std::fs;
use std::path::PathBuf;

use martlet_server::config::{Configuration, Dialect, Plan};
use martlet_server::{Broker, Place};

/// A folder with the files of a configuration, and a broker by them.
pub(crate) struct House {
    pub(crate) folder: PathBuf,
    pub(crate) configuration: String,
}

impl House {
    pub(crate) fn new(name: &str, configuration: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("martlet-house-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, configuration: configuration.into() }
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.write(name, content);
        self
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.join(name), content).unwrap();
    }

    pub(crate) fn configuration(&self) -> Configuration {
        let text = self.configuration.replace("FOLDER", self.folder.to_str().unwrap());
        Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new()).unwrap()
    }

    fn plan() -> Plan {
        Plan { file: Some("a.conf".into()), ..Plan::default() }
    }

    /// Starts a broker that keeps nothing, at any ports that are free.
    pub(crate) fn start(&self) -> Broker {
        let mut options = Self::plan().options(&self.configuration()).unwrap();
        options.persistence = None;
        for listener in &mut options.listeners {
            if let Place::Tcp(address) = &mut listener.place {
                address.port = 0; // any that is free
            }
        }
        Broker::start(options).unwrap()
    }

    /// Lets a broker with so many listeners read the files again.
    pub(crate) fn reload(&self, broker: &Broker, listeners: u16) {
        let authority = Self::plan().authority(&self.configuration()).unwrap();
        let order: Vec<Option<u16>> = (0..listeners).map(Some).collect();
        broker.rules_changer().replace(authority, &order).unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // What cannot be removed stays for the operating system.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
