//! The file of dynamic security on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use martlet_access::hash::{PBKDF2_ITERATIONS, Scheme, hash};
use martlet_dynsec::{
    DynamicSecurity, FIRST_ADMIN, FIRST_CLIENT, FirstPasswords, GENERATED_PASSWORD_BYTES, PasswordHasher,
    first_file, printable_password,
};

use super::DynamicSecurityOptions;

/// Holds the password of the first administrator.
const PASSWORD_VARIABLE: &str = "MOSQUITTO_DYNSEC_PASSWORD";
/// How long that password has to be, in bytes.
const PASSWORD_BYTES_MIN: usize = 12;
/// How much of a file is looked at for a password, in bytes.
const PASSWORD_FILE_BYTES_MAX: u64 = 65_536;
/// Only the owner may read and write.
const PRIVATE: u32 = 0o600;

/// Hashes passwords as Mosquitto does: slowly, with a salt.
pub(super) struct Hasher;

impl PasswordHasher for Hasher {
    fn hash(&mut self, password: &[u8]) -> Option<String> {
        let scheme = Scheme::Sha512Pbkdf2 { iterations: PBKDF2_ITERATIONS };
        hash(scheme, password).map_err(|error| tracing::error!(%error, "a password cannot be hashed")).ok()
    }
}

/// Reads the file, and makes it first if there is none. What goes wrong is told in the log, and nobody is known then, as with
/// Mosquitto.
pub(super) fn open(options: &DynamicSecurityOptions) -> DynamicSecurity {
    let path = &options.config_file;
    if matches!(path.try_exists(), Ok(false)) {
        tracing::info!("Dynamic security plugin config not found, generating a default config.");
        if let Err(error) = generate(options) {
            tracing::error!(file = %path.display(), "{error}");
        }
    }
    let read = fs::read(path).map_err(|error| (error, "File is not readable - check permissions."));
    let content = match read {
        Ok(content) => content,
        Err((error, text)) => {
            tracing::error!(%error, file = %path.display(), "Error loading Dynamic security plugin config: {text}");
            return DynamicSecurity::default();
        }
    };
    match DynamicSecurity::read(&content) {
        Ok((security, remarks)) => {
            for remark in remarks {
                tracing::warn!(file = %path.display(), "{}", remark.to_string().escape_debug());
            }
            security
        }
        Err(error) => {
            tracing::error!(file = %path.display(), "Error loading Dynamic security plugin config: {error}");
            DynamicSecurity::default()
        }
    }
}

/// Reads the file for someone who only wants to know what is in it.
///
/// # Errors
/// It cannot be read, or is not what it should be.
pub(crate) fn read(path: &Path) -> Result<DynamicSecurity, String> {
    let failed = |cause: &dyn core::fmt::Display| format!("{}: {cause}", path.display());
    let content = fs::read(path).map_err(|error| failed(&format_args!("cannot be read: {error}")))?;
    let (security, _) = DynamicSecurity::read(&content).map_err(|error| failed(&error))?;
    Ok(security)
}

/// Replaces the file at once: whoever reads it finds the old one or the new one.
///
/// # Errors
/// The operating system refuses it; the old file is still there.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    write_private(&new, content)?;
    fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn generate(options: &DynamicSecurityOptions) -> Result<(), String> {
    let hash = |password: &str| Hasher.hash(password.as_bytes()).ok_or("Error: No password can be hashed.");
    let passwords = if let Some(password) = chosen_password(options)? {
        FirstPasswords { admin: hash(&password)?, client: None }
    } else {
        let (admin, client) = (random_password()?, random_password()?);
        let path = beside(&options.config_file, ".pw");
        let text = format!("{FIRST_ADMIN} {admin}\n{FIRST_CLIENT} {client}\n");
        write_private(&path, text.as_bytes()).map_err(|error| {
            format!("Error: Unable to write the passwords to {}: {error}.", path.display())
        })?;
        tracing::info!("  Generated passwords are at {}", path.display());
        FirstPasswords { admin: hash(&admin)?, client: Some(hash(&client)?) }
    };
    replace(&options.config_file, &first_file(passwords).to_file())
        .map_err(|error| format!("Error: Unable to write the config: {error}."))
}

/// The password that someone chose for the first administrator: in a file, or in the environment.
fn chosen_password(options: &DynamicSecurityOptions) -> Result<Option<String>, String> {
    if let Some(path) = &options.password_init_file {
        let name = path.display();
        tracing::info!("  Using admin password from file '{name}'");
        return first_line(path)
            .map(Some)
            .map_err(|reason| format!("Error: Unable to get initial password from '{name}', {reason}."));
    }
    let Ok(password) = std::env::var(PASSWORD_VARIABLE) else { return Ok(None) };
    if password.len() < PASSWORD_BYTES_MIN {
        return Err(format!(
            "Error: Not generating dynsec config, {PASSWORD_VARIABLE} must be at least {PASSWORD_BYTES_MIN} characters."
        ));
    }
    tracing::info!("  Using admin password from {PASSWORD_VARIABLE} environment variable");
    Ok(Some(password))
}

fn first_line(path: &Path) -> Result<String, &'static str> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(PASSWORD_FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|_| "file not accessible")?;
    let line = text.lines().next().ok_or("file empty")?.trim_end_matches(['\r', '\n']);
    if line.is_empty() { Err("password is empty") } else { Ok(line.to_owned()) }
}

fn random_password() -> Result<String, &'static str> {
    const FAILURE: &str = "Error: There is no randomness for a password.";
    let mut random = [0; 8 * GENERATED_PASSWORD_BYTES];
    getrandom::fill(&mut random).map_err(|_| FAILURE)?;
    printable_password(&random).ok_or(FAILURE)
}

/// Writes a file that nobody else may read.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("martlet-dynsec-file-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_private() {
        let folder = folder("replaced");
        let path = folder.join("a.json");
        for content in [&b"one"[..], b"two", b""] {
            replace(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(replace(&folder.join("missing/a.json"), b"").is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn passwords_that_nobody_chose_are_written_beside() {
        let folder = folder("random");
        let config_file = folder.join("a.json");
        let options = DynamicSecurityOptions { config_file, password_init_file: None };
        let security = open(&options);
        let text = fs::read_to_string(folder.join("a.json.pw")).unwrap();
        let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.len(), 2);
        for (user_name, password) in lines {
            let hash = security.client(user_name).unwrap().password.as_deref().unwrap();
            assert!(martlet_access::hash::verify(hash, password.as_bytes()));
            assert_eq!(password.len(), GENERATED_PASSWORD_BYTES);
        }
        assert_eq!(open(&options), security);
        fs::remove_dir_all(folder).unwrap();
    }
}
