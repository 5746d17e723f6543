//! Files and folders.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-config-{}-{name}", std::process::id()));
        let folder = Self(path);
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("FOLDER", folder.0.to_str().unwrap())).unwrap();
        }
        folder
    }

    fn read(&self) -> Result<Configuration, ConfigError> {
        Configuration::read(&self.0.join("main.conf"), Dialect::Martlet, &mut Vec::new())
    }

    fn name(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn included_files_are_read_in_their_order_and_begin_anew() {
    let folder = Folder::new(
        "order",
        &[
            ("main.conf", "listener 1\ninclude_dir FOLDER/conf.d\nmax_qos 1\n"),
            ("conf.d/b.conf", "max_keepalive 3\n"),
            ("conf.d/A.conf", "max_keepalive 2\nlistener 2\n"),
            ("conf.d/01.conf", "max_keepalive 1\n"),
            ("conf.d/ignored.txt", "nonsense\n"),
            ("conf.d/.conf", "nonsense\n"),
        ],
    );
    let configuration = folder.read().unwrap();
    assert_eq!(configuration.settings.engine.limits.keep_alive_max, 3);
    // Behind the folder the listener of the main file is the one that options concern.
    let qos: Vec<u8> = configuration.settings.listeners.iter().map(|it| it.maximum_qos as u8).collect();
    assert_eq!(qos, [1, 2]);

    let folder = Folder::new(
        "anew",
        &[("main.conf", "listener 1\ninclude_dir FOLDER/d\n"), ("d/a.conf", "\nmount_point x\n")],
    );
    let error = folder.read().unwrap_err();
    let place = folder.name("d/a.conf");
    assert_eq!(error.to_string(), format!("{place}:2: `mount_point` needs a `listener` above it"));
    let expected = [
        "Error: The 'mount_point' option requires a listener to be defined first.".to_owned(),
        format!("Error found at '{place}:2'."),
        format!("Error found at {}:2.", folder.name("main.conf")),
    ];
    assert_eq!(error.mosquitto_lines(), expected);
}

#[test]
fn a_file_that_was_included_includes_none() {
    let folder = Folder::new(
        "nested",
        &[("main.conf", "include_dir FOLDER/d\n"), ("d/a.conf", "include_dir FOLDER/e\n"), ("e/b.conf", "")],
    );
    let error = folder.read().unwrap_err();
    assert!(
        error.to_string().ends_with("a.conf:1: `include_dir` may stand in the main file only"),
        "{error}"
    );
}

#[test]
fn files_that_cannot_be_read() {
    let error = Configuration::read(Path::new("/nonexistent/a.conf"), Dialect::Martlet, &mut Vec::new());
    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/a.conf: cannot be read: "), "{error}");
    assert_eq!(error.mosquitto_lines(), ["Error: Unable to open config file '/nonexistent/a.conf'."]);
    let error = Configuration::read(Path::new("/"), Dialect::Martlet, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "/: is a folder");
    assert_eq!(error.mosquitto_lines(), ["Error: Config file '/' is a directory."]);
}

#[test]
fn a_large_file_is_read_and_one_without_end_is_not() {
    let many = "# comment\nmax_keepalive 5\n".repeat(100_000) + "max_keepalive 999";
    let folder = Folder::new("large", &[("main.conf", &many)]);
    assert_eq!(folder.read().unwrap().settings.engine.limits.keep_alive_max, 999);
    let error = Configuration::read(Path::new("/dev/zero"), Dialect::Martlet, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero: has more than 16777216 bytes");
}
