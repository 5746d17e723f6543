//! Installs the MQTT clients and brokers of other projects that `crates/interop` talks to.

use std::fs;
use std::path::Path;
use std::process::Command;

use interop::{Peer, peers_folder};

use crate::command;
use crate::repository::Repository;

/// Where the pinned versions stand.
const PINS: &str = "crates/interop/peers";

/// Installs every peer, and the libraries; a failure is an error.
pub(crate) fn run(repository: &Repository) -> Result<(), String> {
    install_libraries()?;
    let missing = install_all(repository);
    if missing.is_empty() { Ok(()) } else { Err(missing_text(&missing)) }
}

/// Installs what the build needs of the system with all features: OpenSSL, for TLS with a pre-shared key.
pub(crate) fn install_libraries() -> Result<(), String> {
    let mut pkg_config = command::new("pkg-config", Path::new("."));
    if command::output(pkg_config.args(["--exists", "openssl"])).is_ok() {
        println!("library openssl: is installed");
        return Ok(());
    }
    println!("library openssl: installing it");
    system_packages(&["libssl-dev", "pkg-config"]).map_err(|reason| format!("library openssl: {reason}"))
}

/// A peer that could not be installed.
pub(crate) struct Missing {
    pub(crate) peer: Peer,
    reason: String,
}

/// Installs what is not there yet and returns the rest.
pub(crate) fn install_all(repository: &Repository) -> Vec<Missing> {
    let mut missing = Vec::new();
    for peer in Peer::ALL {
        let pins = repository.root().join(PINS);
        if is_current(peer, &pins) {
            println!("peer {}: is installed", peer.name());
            continue;
        }
        println!("peer {}: installing it", peer.name());
        let installed = match peer {
            Peer::Mosquitto => system_packages(&["mosquitto-clients"]),
            Peer::MosquittoBroker => system_packages(&["mosquitto"]),
            Peer::Paho => install_paho(&pins),
            Peer::MqttJs => install_mqttjs(&pins),
        };
        let works = installed.and_then(|()| {
            if peer.is_installed() {
                Ok(())
            } else {
                Err("it does not start after its installation".to_owned())
            }
        });
        if let Err(reason) = works {
            missing.push(Missing { peer, reason });
        }
    }
    missing
}

/// What to tell about peers that could not be installed.
pub(crate) fn missing_text(missing: &[Missing]) -> String {
    let lines = missing.iter().map(|Missing { peer, reason }| format!("peer {}: {reason}", peer.name()));
    lines.collect::<Vec<_>>().join("\n")
}

/// The folder of a peer and the file in it that says which versions are installed.
fn home(peer: Peer) -> Option<(&'static str, &'static str)> {
    match peer {
        Peer::Mosquitto | Peer::MosquittoBroker => None,
        Peer::Paho => Some(("venv", "requirements.txt")),
        Peer::MqttJs => Some(("node", "package-lock.json")),
    }
}

fn is_current(peer: Peer, pins: &Path) -> bool {
    let same = home(peer).is_none_or(|(folder, file)| {
        let installed = fs::read(peers_folder().join(folder).join(file));
        installed.is_ok_and(|installed| fs::read(pins.join(file)).is_ok_and(|wanted| wanted == installed))
    });
    same && peer.is_installed()
}

fn install_paho(pins: &Path) -> Result<(), String> {
    let venv = peers_folder().join("venv");
    let create = || {
        let mut python = command::new("python3", pins);
        command::run(python.args(["-m", "venv", "--clear"]).arg(&venv))
    };
    // Debian splits Python: without its package `python3-venv` the module is there and fails.
    create().or_else(|_| system_packages(&["python3", "python3-venv"]).and_then(|()| create()))?;
    let requirements = pins.join("requirements.txt");
    let mut pip = Command::new(venv.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"]).arg(&requirements);
    command::run(&mut pip)?;
    copy(&requirements, &venv)
}

fn install_mqttjs(pins: &Path) -> Result<(), String> {
    if command::output(command::new("npm", pins).arg("--version")).is_err() {
        system_packages(&["nodejs", "npm"])?;
    }
    let folder = peers_folder().join("node");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    copy(&pins.join("package.json"), &folder)?;
    copy(&pins.join("package-lock.json"), &folder)?;
    let mut npm = command::new("npm", &folder);
    command::run(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let name = file.file_name().expect("the file has a name");
    let copied = fs::copy(file, folder.join(name));
    copied.map(drop).map_err(|error| format!("cannot copy {}: {error}", file.display()))
}

/// Installs packages of Debian and its kin, where we may.
pub(crate) fn system_packages(packages: &[&str]) -> Result<(), String> {
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    let here = Path::new(".");
    if command::output(command::new("apt-get", here).arg("--version")).is_err() {
        return Err(format!("install it with your package manager; on Debian: {by_hand}"));
    }
    if command::output(command::new("id", here).arg("-u"))?.trim() != "0" {
        return Err(format!("needs root; please run: sudo {by_hand}"));
    }
    let apt_get = |arguments: &[&str]| {
        let mut apt_get = command::new("apt-get", here);
        command::run(apt_get.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
    };
    let arguments = [&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat();
    // The lists of packages may be missing or old.
    apt_get(&arguments).or_else(|_| apt_get(&["update", "--quiet"]).and_then(|()| apt_get(&arguments)))
}
