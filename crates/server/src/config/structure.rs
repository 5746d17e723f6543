//! Options that begin something, or concern more than one place.

use std::path::Path;

use super::note::NoteKind;
use super::option::{Needs, Structure};
use super::problem::{Above, Named, Problem};
use super::reader::{Current, Line, Reader, Section, misplaced};
use super::settings::{BridgeSettings, BundledPlugin, ListenPlace, ListenerSettings, Origin, PluginSettings};

/// What became of a line.
pub(super) struct Taken {
    pub(super) section: Section,
    pub(super) is_default: bool,
    /// The folder of an `include_dir`.
    pub(super) folder: Option<String>,
}

impl Taken {
    const fn of(section: Section) -> Self {
        Self { section, is_default: false, folder: None }
    }
}

/// Why options of Mosquitto's plugin for persistence do nothing.
const NO_SQLITE: &str = "what is kept is in files of our own and not in a database: see `durability`";
/// How many characters the name of a plugin's option has at least, in Mosquitto.
const PLUGIN_OPTION_CHARACTERS_MIN: usize = 3;

impl Reader<'_> {
    /// Takes a line with such an option.
    pub(super) fn take_structure(
        &mut self,
        structure: Structure,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        match structure {
            Structure::Listener => self.take_listener(line, current, notes),
            Structure::Port => self.take_port(line, current, notes),
            Structure::BindAddress => self.take_bind_address(line, current, notes),
            Structure::Connection => self.take_connection(line, current, notes),
            Structure::PerListenerSettings => self.take_per_listener_settings(line, notes),
            Structure::IncludeFolder => {
                let mut value = line.value(notes);
                let folder = Some(value.text()?);
                Ok(Taken { folder, ..Taken::of(Section::General) })
            }
            Structure::GlobalPlugin => {
                let number = self.add_plugin(None, line, notes)?;
                self.settings.security.plugins.push(number);
                current.plugin = Some(number);
                Ok(Taken::of(Section::Plugin(number)))
            }
            Structure::Plugin => self.take_plugin(line, current, notes),
            Structure::PluginLoad => {
                let number = self.add_plugin(Some(line.value(notes).word()?.into()), line, notes)?;
                current.plugin = Some(number);
                Ok(Taken::of(Section::Plugin(number)))
            }
            Structure::PluginUse => self.take_plugin_use(line, current, notes),
            Structure::PluginOption => self.take_plugin_option(line, current, notes),
            Structure::Gone => {
                notes.push(NoteKind::Gone { option: line.name.into() });
                Ok(Taken { is_default: true, ..Taken::of(Section::General) })
            }
        }
    }

    fn take_listener(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let mut value = line.value(notes);
        let port = value.integer()?;
        let Ok(port) = u16::try_from(port) else {
            return Err(value.refused(&port.to_string(), format!("Error: Invalid 'port' value ({port}).")));
        };
        let host = value.next_word_before_comment();
        value.finish();
        let place = match (port, host) {
            (0, None) => {
                let theirs = "Error: A listener with port 0 must provide a Unix socket path.";
                return Err(value.refused("0", theirs));
            }
            (0, Some(path)) => ListenPlace::Unix(path.into()),
            (port, host) => ListenPlace::Tcp { port, host: host.map(Into::into) },
        };
        let listener = ListenerSettings { place, origin: Origin::Listener, ..ListenerSettings::default() };
        let number = self.add_listener(listener, line);
        current.listener = Some(number);
        Ok(Taken::of(Section::Listener(number)))
    }

    fn take_port(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let number = self.default_listener(line, current, notes);
        let mut value = line.value(notes);
        let port = value.integer()?;
        let Some(new) = u16::try_from(port).ok().filter(|port| *port > 0) else {
            return Err(value.refused(&port.to_string(), format!("Error: Invalid 'port' value ({port}).")));
        };
        value.finish();
        if self.has_port {
            notes.push(NoteKind::PortAgain);
        }
        self.has_port = true;
        if let Some(listener) = self.settings.listeners.get_mut(number) {
            listener.origin = Origin::Default;
            if let ListenPlace::Tcp { port, .. } = &mut listener.place {
                *port = new;
            }
        }
        Ok(Taken::of(Section::Listener(number)))
    }

    fn take_bind_address(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let number = self.default_listener(line, current, notes);
        let mut value = line.value(notes);
        let address = value.text()?;
        let duplicate = Problem::Duplicate { option: line.name.into(), called: value.called() };
        if let Some(listener) = self.settings.listeners.get_mut(number) {
            listener.origin = Origin::Default;
            if let ListenPlace::Tcp { host, .. } = &mut listener.place
                && host.replace(address).is_some()
            {
                return Err(duplicate);
            }
        }
        Ok(Taken::of(Section::Listener(number)))
    }

    fn take_connection(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let mut value = line.value(notes);
        let name = value.word()?.to_owned();
        value.finish();
        if self.settings.bridges.iter().any(|bridge| bridge.name == name) {
            return Err(Problem::NameTaken { name, what: Named::Bridge });
        }
        let number = self.settings.bridges.len();
        self.settings.bridges.push(BridgeSettings { name, ..BridgeSettings::default() });
        self.bridge_places.push(line.place.clone());
        current.bridge = Some(number);
        Ok(Taken::of(Section::Bridge(number)))
    }

    fn take_per_listener_settings(
        &mut self,
        line: &Line<'_>,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let wanted = {
            let mut value = line.value(notes);
            let wanted = value.flag()?;
            value.finish();
            wanted
        };
        let general = &mut self.settings.general;
        if general.per_listener_settings && !wanted {
            notes.push(NoteKind::StaysPerListener);
        } else if wanted && !general.per_listener_settings {
            if self.has_security {
                return Err(Problem::TooLate);
            }
            general.per_listener_settings = true;
        }
        Ok(Taken { is_default: !wanted, ..Taken::of(Section::General) })
    }

    fn take_plugin(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        self.has_security = true;
        if !self.settings.general.per_listener_settings {
            let number = self.add_plugin(None, line, notes)?;
            self.settings.security.plugins.push(number);
            current.plugin = Some(number);
            return Ok(Taken::of(Section::Plugin(number)));
        }
        let listener = current.listener.ok_or_else(|| misplaced(line, Above::Listener))?;
        let number = self.add_plugin(None, line, notes)?;
        if let Some(listener) = self.settings.listeners.get_mut(listener) {
            listener.security.plugins.push(number);
        }
        current.plugin = Some(number);
        Ok(Taken::of(Section::Plugin(number)))
    }

    fn add_plugin(
        &mut self,
        name: Option<String>,
        line: &Line<'_>,
        notes: &mut Vec<NoteKind>,
    ) -> Result<usize, Problem> {
        let mut value = line.value(notes);
        if let Some(name) = &name {
            value.next_word();
            if self.settings.plugins.iter().any(|plugin| plugin.name.as_ref() == Some(name)) {
                return Err(Problem::NameTaken { name: name.clone(), what: Named::Plugin });
            }
        }
        let path = value.text().map_err(|problem| match problem {
            Problem::Empty { .. } => {
                let name = name.as_deref().unwrap_or("(null)");
                value.refused("", format!("Error: Missing plugin path for plugin name '{name}'."))
            }
            other => other,
        })?;
        let plugin = PluginSettings { name, path: Path::new(&path).into(), ..PluginSettings::default() };
        self.settings.plugins.push(plugin);
        Ok(self.settings.plugins.len() - 1)
    }

    fn take_plugin_use(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let listener = self.listener_for(Needs::OwnListener, line, current, notes)?;
        let name = line.value(notes).text()?;
        let plugins = &self.settings.plugins;
        let Some(number) = plugins.iter().position(|plugin| plugin.name.as_ref() == Some(&name)) else {
            return Err(Problem::NoSuchPlugin { name });
        };
        if let Some(listener) = self.settings.listeners.get_mut(listener) {
            listener.security.plugins.push(number);
        }
        current.plugin = Some(number);
        Ok(Taken::of(Section::Listener(listener)))
    }

    fn take_plugin_option(
        &mut self,
        line: &Line<'_>,
        current: &Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Taken, Problem> {
        let place = current.plugin.and_then(|number| Some((number, self.settings.plugins.get_mut(number)?)));
        let (number, plugin) = place.ok_or_else(|| misplaced(line, Above::Plugin))?;
        let name = ["plugin_opt_", "auth_opt_"].iter().find_map(|prefix| line.name.strip_prefix(prefix));
        let name = name.unwrap_or_default().to_owned();
        let mut value = line.value(notes);
        if name.len() < PLUGIN_OPTION_CHARACTERS_MIN {
            return Err(Problem::Value {
                option: line.name.into(),
                value: String::new(),
                takes: "a name of at least three characters behind the underscore".into(),
                theirs: "Error: Invalid 'plugin_opt_' config option.".into(),
            });
        }
        let text = value.text().map_err(|problem| match problem {
            Problem::Empty { option, takes, .. } => Problem::Empty { option, called: name.clone(), takes },
            other => other,
        })?;
        if plugin.bundled() == Some(BundledPlugin::PersistSqlite) && name != "db_file" {
            notes.push(NoteKind::NoEffect { option: line.name.into(), reason: NO_SQLITE });
        }
        plugin.options.push((name, text));
        Ok(Taken::of(Section::Plugin(number)))
    }
}
