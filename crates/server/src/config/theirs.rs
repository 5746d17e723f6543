//! Problems and notes in the words of Mosquitto, which scripts and people look for.

use super::note::{Note, NoteKind};
use super::problem::{Above, Combination, ConfigError, Named, Problem};

impl ConfigError {
    /// What Mosquitto prints: the problem, then the lines that led there.
    pub fn mosquitto_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.problem.theirs().into_iter().collect();
        match (&self.at, &self.included_at) {
            _ if self.is_late => {}
            (Some(at), Some(included_at)) => {
                lines.push(format!("Error found at '{at}'."));
                lines.push(format!("Error found at {included_at}."));
            }
            (Some(at), None) | (None, Some(at)) => lines.push(format!("Error found at {at}.")),
            (None, None) => {}
        }
        lines
    }
}

impl Problem {
    /// The words of Mosquitto; `None` where it has none of its own.
    fn theirs(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { file, .. } => format!("Error: Unable to open config file '{file}'."),
            Self::IsFolder { file } => format!("Error: Config file '{file}' is a directory."),
            Self::NoFolder { path, .. } => {
                format!("Error: Unable to open include_dir '{}'.", path.display())
            }
            Self::NestedInclude => {
                "Error: The include_dir option is only valid in the main configuration file.".into()
            }
            Self::Unknown { name } => format!("Error: Unknown configuration variable '{name}'."),
            Self::Text => "Error: Malformed UTF-8 in configuration.".into(),
            Self::Empty { called, .. } => match called.as_str() {
                "bridge address" => "Error: Empty address value in configuration.".into(),
                "log_dest file" => "Error: Empty \"log_dest file\" value in configuration.".into(),
                _ => format!("Error: Empty '{called}' value in configuration."),
            },
            Self::Value { theirs, .. } => theirs.clone(),
            Self::Duplicate { called, .. } => match called.as_str() {
                "bridge address" => {
                    "Error: Invalid bridge configuration, 'address' only allowed once.".into()
                }
                "log_dest file" => "Error: Duplicate \"log_dest file\" value.".into(),
                _ => format!("Error: Duplicate '{called}' value in configuration."),
            },
            Self::Misplaced { option, needs } => match needs {
                Above::Listener => requires(option, "a listener"),
                Above::Bridge => requires(option, "a bridge"),
                Above::Plugin => requires(option, "plugin/global_plugin/plugin_load"),
                Above::AuthPlugin => {
                    format!("Error: An {option} option exists in the config file without a plugin.")
                }
            },
            Self::TooLate => {
                "Error: per_listener_settings must be set before any other security settings.".into()
            }
            Self::NameTaken { name, what: Named::Bridge } => {
                format!("Error: Duplicate bridge name '{name}'.")
            }
            Self::NameTaken { name, what: Named::Plugin } => {
                format!("Error: Duplicate plugin name '{name}'.")
            }
            Self::NameTaken { name, what: Named::LocalClientIdentifier } => format!(
                "Error: Bridge local_clientid '{name}' is not unique. Try changing or setting the local_clientid \
                 value for one of the bridges."
            ),
            Self::NoSuchPlugin { name } => format!("Error: Plugin '{name}' not previously loaded."),
            Self::Combination(combination) => combination.theirs(),
            Self::TooLarge { .. }
            | Self::Environment { .. }
            | Self::Unsupported { .. }
            | Self::DynamicSecurityTwice
            | Self::NobodyAllowed => {
                return Some(format!("Error: {self}."));
            }
        })
    }
}

fn requires(option: &str, what: &str) -> String {
    format!("Error: The '{option}' option requires {what} to be defined first.")
}

impl Combination {
    fn theirs(&self) -> String {
        match self {
            Self::BridgeAddresses => {
                "Error: Invalid bridge configuration: no remote addresses defined.".into()
            }
            Self::BridgeTopics => "Error: Invalid bridge configuration: no topics defined.".into(),
            Self::BridgeIdentity => "Error: Invalid bridge configuration: missing bridge_identity.".into(),
            Self::BridgePsk => "Error: Invalid bridge configuration: missing bridge_psk.".into(),
            Self::BridgePskBesideCertificates(option) => format!(
                "Error: '{option}': Cannot use both certificate and identity encryption in a single bridge."
            ),
            Self::BridgeCertificatesBesidePsk(option) => format!(
                "Error: '{option}': Cannot use both certificate and psk encryption in a single bridge."
            ),
            Self::ListenerPskBesideCertificates => {
                "Error: Cannot use both certificate and psk encryption in a single listener.".into()
            }
            Self::CertificateAndKey => {
                "Error: Both certfile and keyfile must be provided to enable a TLS listener.".into()
            }
            Self::CaFileAlone => "Error: cafile specified without certfile and keyfile.".into(),
            Self::CaFolderAlone => "Error: capath specified without certfile and keyfile.".into(),
            Self::ProxyAndSubject => {
                "Error: use_subject_as_username cannot be used with `enable_proxy_protocol 2`.".into()
            }
            Self::ProxyAndTls => {
                "Error: certfile and keyfile cannot be used with `enable_proxy_protocol 2`.".into()
            }
        }
    }
}

impl Note {
    /// What Mosquitto prints; nothing where it says nothing.
    pub fn mosquitto_lines(&self) -> Vec<String> {
        match &self.kind {
            NoteKind::DefaultListener { option } => vec![
                format!("Creating default listener due to '{option}' option."),
                format!(
                    "It is best practice to define a 'listener' first. Using the '{option}' option without a \
                     listener will be disabled in the future."
                ),
            ],
            NoteKind::Deprecated { option, advice } => vec![format!(
                "The '{option}' option is now deprecated and will be removed in version 3.0. {advice}"
            )],
            NoteKind::Gone { option } if option == "dhparamfile" => {
                vec!["Warning: dhparamfile is no longer required.".into()]
            }
            NoteKind::Gone { option } => vec![format!("Warning: The '{option}' option is no longer available.")],
            NoteKind::Nearest { theirs, .. } => vec![(*theirs).into()],
            NoteKind::PortAgain => vec![
                "Warning: Default listener port specified multiple times. Only the latest will be used.".into(),
            ],
            NoteKind::BridgeInsecure { bridge } => vec![format!("Warning: Bridge '{bridge}' using insecure mode.")],
            NoteKind::TopicAgain { topic } => vec![format!("Duplicate bridge topic '{topic}', skipping")],
            NoteKind::PacketSize => vec![
                "Note: It is recommended to replace `message_size_limit` with `max_packet_size`.".into(),
            ],
            NoteKind::ListenerAllowAnonymous => vec![
                "You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this \
                 with 'listener_allow_anonymous'."
                    .into(),
            ],
            NoteKind::Included { file } => vec![format!("Loading config file '{file}'")],
            NoteKind::Rest { .. }
            | NoteKind::NoEffect { .. }
            | NoteKind::HintNotSent
            | NoteKind::StaysPerListener => {
                vec![format!("Warning: {self}.")]
            }
        }
    }
}
