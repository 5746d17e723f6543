//! Extensions.

use std::path::{Path, PathBuf};

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSettings {
    /// The name that `plugin_load` gives it.
    pub name: Option<String>,
    /// The library, as the file names it.
    pub path: PathBuf,
    /// The values of `plugin_opt_NAME`, each with its name.
    pub options: Vec<(String, String)>,
    /// `auth_plugin_deny_special_chars`
    pub deny_special_characters: bool,
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self { name: None, path: PathBuf::new(), options: Vec::new(), deny_special_characters: true }
    }
}

impl PluginSettings {
    /// The file that it is given, if that is all that there is to it.
    pub fn file(&self) -> Option<&Path> {
        self.path_of(self.bundled()?.options().first()?)
    }

    /// The file that an option names.
    pub fn path_of(&self, name: &str) -> Option<&Path> {
        let (_, value) = self.options.iter().rev().find(|(option, _)| option == name)?;
        Some(Path::new(value))
    }

    /// What the library stands for, if it comes with Mosquitto.
    pub fn bundled(&self) -> Option<BundledPlugin> {
        Some(match self.path.file_stem()?.to_str()? {
            "mosquitto_acl_file" => BundledPlugin::AclFile,
            "mosquitto_dynamic_security" => BundledPlugin::DynamicSecurity,
            "mosquitto_password_file" => BundledPlugin::PasswordFile,
            "mosquitto_persist_sqlite" => BundledPlugin::PersistSqlite,
            "mosquitto_sparkplug_aware" => BundledPlugin::SparkplugAware,
            _ => return None,
        })
    }
}

impl BundledPlugin {
    /// Its options, first the one that names its file.
    pub(in crate::config) const fn options(self) -> &'static [&'static str] {
        match self {
            Self::AclFile => &["acl_file"],
            Self::DynamicSecurity => &["config_file", "password_init_file"],
            Self::PasswordFile => &["password_file"],
            Self::SparkplugAware => &[],
            Self::PersistSqlite => &["db_file", "flush_period", "page_size", "sync"],
        }
    }
}

/// An extension that comes with Mosquitto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundledPlugin {
    /// Access control from a file.
    AclFile,
    /// Clients, groups and roles that can be changed while the broker runs.
    DynamicSecurity,
    /// User names and passwords from a file.
    PasswordFile,
    /// Sessions and messages in a database.
    PersistSqlite,
    /// The host application's side of Sparkplug.
    SparkplugAware,
}
