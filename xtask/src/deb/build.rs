//! The program, and what it says about itself, for the packages.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Options, WORK, fresh, libraries, third_parties};
use crate::command;

/// Who comes from Mosquitto 2.1 with its plugin for SQLite can bring along what it kept.
const IMPORT: &str = "import-sqlite";
const IMPORT_AND_PSK: &str = "import-sqlite,psk";
/// What SQLite would have in it, and an import has no use for: half a megabyte.
const SQLITE: &str = "-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 \
    -USQLITE_ENABLE_RTREE -USQLITE_ENABLE_STAT4 -USQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_OMIT_JSON";

/// What the packages are made of.
pub(super) struct Built {
    /// The program.
    pub(super) program: PathBuf,
    /// A folder with the manual pages and the completions that the program prints.
    pub(super) documents: PathBuf,
    /// What Debian calls the kind of machine.
    pub(super) architecture: String,
    /// What the program needs of the system, as in `Depends`.
    pub(super) depends: String,
    /// The licences of what others have written and is in the program.
    pub(super) third_parties: String,
}

/// Builds the program and lets it print what it says about itself.
pub(super) fn build(root: &Path, options: &Options) -> Result<Built, String> {
    let mut cargo = command::new("cargo", root);
    let features = if options.without_psk { IMPORT } else { IMPORT_AND_PSK };
    cargo.args(["build", "--profile", "dist", "--package", "martlet", "--features", features]);
    cargo.env("LIBSQLITE3_FLAGS", SQLITE);
    let target = match &options.target {
        Some(target) => target.clone(),
        None => host(root)?,
    };
    let Some(kind) = Kind::of(&target) else {
        return Err(format!("no package of Debian is for {target}"));
    };
    let mut folder = root.join("target");
    if let Some(target) = &options.target {
        cargo.args(["--target", target]);
        folder.push(target);
        for (name, value) in kind.environment(target) {
            // Who has set it knows better.
            if std::env::var_os(&name).is_none() {
                cargo.env(name, value);
            }
        }
    }
    command::run(&mut cargo)?;
    let program = folder.join("dist").join("martlet");
    let speaker = if options.target.is_none() { program.clone() } else { native(root)? };
    let documents = documents(root, &speaker)?;
    let mut readelf = command::new("readelf", root);
    readelf.args(["--wide", "--dynamic", "--version-info"]).arg(&program);
    let depends = libraries::depends(&command::output(readelf.env("LC_ALL", "C"))?)?;
    let third_parties = third_parties::texts(root, features, &target)?;
    Ok(Built { program, documents, architecture: kind.debian.to_owned(), depends, third_parties })
}

/// The target of this machine.
fn host(root: &Path) -> Result<String, String> {
    let facts = command::output(command::new("rustc", root).args(["--version", "--verbose"]))?;
    let host = facts.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not tell its host".into())
}

/// The program for this machine, which can speak where that for another one cannot.
fn native(root: &Path) -> Result<PathBuf, String> {
    command::run(command::new("cargo", root).args(["build", "--package", "martlet"]))?;
    Ok(root.join("target").join("debug").join("martlet"))
}

/// A kind of machine.
struct Kind {
    /// How its targets begin.
    rust: &'static str,
    /// How its targets end.
    abi: &'static str,
    debian: &'static str,
    /// How the names of GNU's tools for it begin, and its folder of libraries.
    gnu: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind { rust: "x86_64-", abi: "-gnu", debian: "amd64", gnu: "x86_64-linux-gnu" },
    Kind { rust: "x86_64-", abi: "-musl", debian: "amd64", gnu: "x86_64-linux-gnu" },
    Kind { rust: "aarch64-", abi: "-gnu", debian: "arm64", gnu: "aarch64-linux-gnu" },
    Kind { rust: "armv7-", abi: "-gnueabihf", debian: "armhf", gnu: "arm-linux-gnueabihf" },
    Kind { rust: "riscv64gc-", abi: "-gnu", debian: "riscv64", gnu: "riscv64-linux-gnu" },
];

impl Kind {
    fn of(target: &str) -> Option<&'static Self> {
        let is_linux = target.contains("-linux-");
        KINDS.iter().find(|kind| is_linux && target.starts_with(kind.rust) && target.ends_with(kind.abi))
    }

    /// What Cargo has to know to build for a target with Debian's tools for it.
    fn environment(&self, target: &str) -> Vec<(String, String)> {
        if self.abi == "-musl" {
            return Vec::new();
        }
        let variable = target.replace('-', "_");
        let gnu = self.gnu;
        vec![
            (format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()), format!("{gnu}-gcc")),
            (format!("CC_{variable}"), format!("{gnu}-gcc")),
            (format!("AR_{variable}"), format!("{gnu}-ar")),
            (format!("PKG_CONFIG_ALLOW_CROSS_{variable}"), "1".to_owned()),
            (
                format!("PKG_CONFIG_LIBDIR_{variable}"),
                format!("/usr/lib/{gnu}/pkgconfig:/usr/share/pkgconfig"),
            ),
        ]
    }
}

/// Lets the program print its manual pages and completions.
fn documents(root: &Path, program: &Path) -> Result<PathBuf, String> {
    let folder = root.join(WORK).join("documents");
    let pages = folder.join("man");
    fresh(&folder)?;
    fresh(&pages)?;
    let shown = program.display().to_string();
    command::output(command::new(&shown, root).arg("man").arg(&pages))?;
    for shell in ["bash", "zsh", "fish"] {
        let script = command::output(command::new(&shown, root).args(["completions", shell]))?;
        let path = folder.join(shell);
        fs::write(&path, script).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_names_of_debian() {
        let debian = |target| Kind::of(target).map(|kind| kind.debian);
        assert_eq!(debian("x86_64-unknown-linux-gnu"), Some("amd64"));
        assert_eq!(debian("x86_64-unknown-linux-musl"), Some("amd64"));
        assert_eq!(debian("aarch64-unknown-linux-gnu"), Some("arm64"));
        assert_eq!(debian("armv7-unknown-linux-gnueabihf"), Some("armhf"));
        assert_eq!(debian("x86_64-pc-windows-gnu"), None);
        assert_eq!(debian("aarch64-apple-darwin"), None);
    }

    #[test]
    fn another_machine_has_its_own_linker() {
        let kind = Kind::of("armv7-unknown-linux-gnueabihf").expect("Debian is there for it");
        let environment = kind.environment("armv7-unknown-linux-gnueabihf");
        let linker = ("CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER", "arm-linux-gnueabihf-gcc");
        assert!(environment.contains(&(linker.0.to_owned(), linker.1.to_owned())), "{environment:?}");
    }
}
