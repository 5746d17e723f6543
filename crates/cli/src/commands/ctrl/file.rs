//! `dynsec init`, and `dynsec setClientPassword` on a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use martlet_tools::ctrl::{self, Argument, DynsecCommand, DynsecFileError};
use martlet_tools::file;
use martlet_tools::payload::reason;

/// The owner writes a new file, the group may read it.
const MODE: u32 = 0o640;
/// The exit status for a file that cannot be used, as for other wrong arguments.
const STATUS_INVALID: u8 = 3;

/// Why a file is not as it should be.
pub(super) struct Failure {
    /// For standard error.
    pub(super) text: String,
    pub(super) status: u8,
}

/// Makes a new file with an administrator; answers what to print.
pub(super) fn init(command: &DynsecCommand) -> Result<String, Failure> {
    let path = command.text(Argument::File).unwrap_or_default();
    let name = command.text(Argument::Username).unwrap_or_default();
    let password = command.text(Argument::Password).unwrap_or_default();
    let failed = |text: String| Failure { text, status: 0 };
    let content =
        ctrl::initial_file(name, password).map_err(|error| failed(format!("dynsec init: {error}.")))?;
    write_new(Path::new(path), &content).map_err(|error| {
        failed(format!("dynsec init: Unable to open '{path}' for writing ({}).", reason(&error)))
    })?;
    Ok(format!(
        "The client '{name}' has been created in the file '{path}'.\n\
         It may look after clients, groups and roles, and not publish anything else. For your applications create \
         others:\n   \
         dynsec createClient <username>\n   \
         dynsec createRole <rolename>\n   \
         dynsec addRoleACL <rolename> publishClientSend <topic> allow\n   \
         dynsec addClientRole <username> <rolename>\n"
    ))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Gives a client in a file another password; there is nothing to print.
pub(super) fn set_password(command: &DynsecCommand, path: &Path) -> Result<String, Failure> {
    let name = command.text(Argument::Username).unwrap_or_default();
    let password = command.text(Argument::Password).unwrap_or_default();
    let shown = path.display();
    let invalid =
        |text: String| Failure { text: format!("{text}\nError: Invalid input."), status: STATUS_INVALID };
    let old = fs::read(path).map_err(|_| invalid(format!("Error: Unable to open {shown}.")))?;
    let new =
        ctrl::set_password_in_file(&old, name, password, command.iterations).map_err(
            |error| match error {
                DynsecFileError::UnknownClient => {
                    Failure { text: format!("Error: Client {name} not found."), status: 0 }
                }
                DynsecFileError::Empty => invalid(format!("Error: {shown} is empty.")),
                DynsecFileError::NotJson => invalid(format!("Error: {shown} is not valid JSON.")),
                DynsecFileError::NoClients => {
                    invalid(format!("Error: {shown} is not a valid dynamic-security config file."))
                }
                error => Failure { text: format!("Error: {error}."), status: super::STATUS_FAILED },
            },
        )?;
    file::replace(path, &new).map_err(|error| Failure {
        text: format!("Error: Unable to write to {shown}: {}.", reason(&error)),
        status: super::STATUS_FAILED,
    })?;
    Ok(String::new())
}
