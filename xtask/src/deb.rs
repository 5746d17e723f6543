//! Packages for Debian and Raspberry Pi OS, from what stands in `packaging/debian`: `docs/packaging.md` tells of them.

mod build;
mod check;
mod layout;
mod libraries;
mod third_parties;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::command;
use crate::repository::Repository;
use layout::Package;

/// Where what goes into the packages stands.
const SOURCES: &str = "packaging/debian";
/// Where the packages and all on the way to them are made.
const WORK: &str = "target/debian";

const USAGE: &str = "usage: cargo xtask deb [--target TARGET] [--without-psk] [--check]";

/// What to build.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// The target of Rust; this machine's if none.
    target: Option<String>,
    /// Without TLS with pre-shared keys, which needs OpenSSL for the target.
    without_psk: bool,
    /// Install, upgrade, exchange and purge the packages in a fresh Debian.
    check: bool,
}

/// Builds the packages and, if asked to, tries them out.
pub(crate) fn run(repository: &Repository, arguments: &[&str]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let root = repository.root();
    let version = version(&repository.read(&format!("{SOURCES}/changelog"))?)?;
    let built = build::build(root, &options)?;
    let packages = pack(root, &built, &version)?;
    lint(root, &packages)?;
    for package in &packages {
        println!("{}", package.display());
    }
    if options.check {
        check::run(root, &built, &version, &packages)?;
    }
    Ok(())
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--target" => {
                    let target = arguments
                        .next()
                        .ok_or("--target needs a target, as `rustc --print target-list` has them")?;
                    options.target = Some((*target).to_owned());
                }
                "--without-psk" => options.without_psk = true,
                "--check" => options.check = true,
                other => return Err(format!("`{other}` is unknown; {USAGE}")),
            }
        }
        if options.check && options.target.is_some() {
            return Err(
                "--check runs what it has installed, so it is for this machine's packages alone".into()
            );
        }
        Ok(options)
    }
}

/// The version in the first line of a changelog, which has to be that of the workspace and a number of the package.
fn version(changelog: &str) -> Result<String, String> {
    let first = changelog.lines().next().unwrap_or_default();
    let version =
        first.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(version, _)| version);
    let version = version.ok_or("the changelog of the packages begins without a version")?;
    let ours = env!("CARGO_PKG_VERSION");
    match version.split_once('-') {
        Some((upstream, _)) if upstream == ours => Ok(version.to_owned()),
        _ => Err(format!("the changelog of the packages begins with {version}, and this is {ours}")),
    }
}

/// Makes all packages and returns their files.
fn pack(root: &Path, built: &build::Built, version: &str) -> Result<Vec<PathBuf>, String> {
    let work = root.join(WORK);
    let mut packages = Vec::new();
    for package in Package::ALL {
        let tree = layout::lay_out(package, root, built, version)?;
        packages.push(tree.pack(&work, version, &built.architecture)?);
    }
    Ok(packages)
}

/// Asks Debian's own checker, where it is installed.
fn lint(root: &Path, packages: &[PathBuf]) -> Result<(), String> {
    let mut lintian = command::new("lintian", root);
    if command::output(lintian.arg("--version")).is_err() {
        println!("lintian is not installed, so nobody else has looked at the packages");
        return Ok(());
    }
    let mut lintian = command::new("lintian", root);
    lintian.args(["--allow-root", "--fail-on", "error", "--tag-display-limit", "0"]);
    // Packages that are not made for Debian's archive close no bug of it.
    lintian.args(["--suppress-tags", "initial-upload-closes-no-bugs"]);
    command::run(lintian.args(packages))
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let parsed = Options::parse(&["--target", "aarch64-unknown-linux-gnu", "--without-psk"]);
        let expected =
            Options { target: Some("aarch64-unknown-linux-gnu".into()), without_psk: true, check: false };
        assert_eq!(parsed, Ok(expected));
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
        assert!(Options::parse(&["--target"]).is_err());
        assert!(Options::parse(&["--check", "--target", "x"]).is_err());
        assert!(Options::parse(&["--release"]).is_err_and(|error| error.contains("`--release`")));
    }

    #[test]
    fn the_version_is_ours_and_a_number_of_the_package() {
        let ours = env!("CARGO_PKG_VERSION");
        let changelog = |version: &str| format!("martlet ({version}) unstable; urgency=medium\n");
        assert_eq!(version(&changelog(&format!("{ours}-7"))), Ok(format!("{ours}-7")));
        assert!(version(&changelog(ours)).is_err());
        assert!(version(&changelog("99.0-1")).is_err());
        assert!(version("").is_err());
    }

    #[test]
    fn the_packages_have_the_version_of_the_workspace() {
        let changelog = Repository::of_this_program().read(&format!("{SOURCES}/changelog"));
        assert!(version(&changelog.expect("there is a changelog")).is_ok());
    }
}
