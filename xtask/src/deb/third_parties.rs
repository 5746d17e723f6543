//! The licences of what others have written and the program contains. They ask that their text goes along with it.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use martlet_json::Json;

use crate::command;

/// How the names of files with licences begin.
const NAMES: [&str; 4] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE"];
/// Of a choice of licences, those that are not taken where there is another one.
const LAST_CHOICES: [&str; 2] = ["APACHE", "UNLICENSE"];

/// A crate of someone else.
#[derive(Debug, PartialEq, Eq)]
struct Crate {
    /// Name and version, as `ring v0.17.14`.
    name: String,
    licence: String,
    manifest: String,
}

/// All of them with their licences, for a program of these features and this kind of machine.
pub(super) fn texts(root: &Path, features: &str, target: &str) -> Result<String, String> {
    let mut tree = command::new("cargo", root);
    tree.args(["tree", "--locked", "--package", "martlet", "--features", features, "--target", target]);
    tree.args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let inside = inside(&command::output(&mut tree)?);
    let mut metadata = command::new("cargo", root);
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    let metadata = command::output(&mut metadata)?;
    let crates: Vec<Crate> =
        crates(&metadata)?.into_iter().filter(|one| inside.contains(&one.name)).collect();
    let mut list = String::from("What others have written and martlet contains:\n\n");
    let mut of_text: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in &crates {
        let _ = writeln!(list, "{}: {}", one.name, one.licence);
        let folder = Path::new(&one.manifest).parent().ok_or("a manifest is in no folder")?;
        for text in licences(folder)? {
            of_text.entry(text).or_default().push(&one.name);
        }
    }
    for (text, names) in of_text {
        let _ = write!(list, "\n{}\n{}:\n\n{text}\n", "=".repeat(80), names.join(", "));
    }
    Ok(list)
}

/// The crates in the program, as `cargo tree` prints them: ours have a path, and macros are no part of it.
fn inside(tree: &str) -> BTreeSet<String> {
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.filter(|line| !line.is_empty() && !line.contains('(')).map(str::to_owned).collect()
}

/// All crates of what `cargo metadata` prints.
fn crates(metadata: &str) -> Result<Vec<Crate>, String> {
    let metadata = martlet_json::parse(metadata.as_bytes());
    let metadata = metadata.map_err(|error| format!("`cargo metadata` printed {error}"))?;
    let Some(Json::Array(packages)) = metadata.member("packages") else {
        return Err("`cargo metadata` printed no packages".into());
    };
    let text = |package: &Json, name| package.member(name).and_then(Json::as_str).map(str::to_owned);
    let crates = packages.iter().map(|package| {
        Some(Crate {
            name: format!("{} v{}", text(package, "name")?, text(package, "version")?),
            licence: text(package, "license").unwrap_or_else(|| "as below".into()),
            manifest: text(package, "manifest_path")?,
        })
    });
    crates.collect::<Option<_>>().ok_or_else(|| "`cargo metadata` printed a package without a name".into())
}

/// The licences in the folder of a crate.
fn licences(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_file = entry.file_type().map_err(failed)?.is_file();
        if is_file && (NAMES.iter().any(|begin| name.starts_with(begin)) || name == "UNLICENSE") {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    let is_last_choice = |name: &str| LAST_CHOICES.iter().any(|word| name.contains(word));
    if files.iter().any(|(name, _)| !is_last_choice(name)) {
        files.retain(|(name, _)| !is_last_choice(name));
    }
    files.into_iter().map(|(_, path)| fs::read_to_string(path).map_err(failed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_others_are_in_the_program() {
        let tree = "martlet v0.1.0 (/src/crates/cli)\nring v0.17.14\nring v0.17.14 (*)\n\nclap_derive v4.6.7 (proc-macro)\n";
        assert_eq!(inside(tree), BTreeSet::from(["ring v0.17.14".to_owned()]));
    }

    #[test]
    fn crates_have_licences_and_folders() {
        let metadata = r#"{"packages":[{"name":"ring","version":"1.2.3","license":"ISC","manifest_path":"/r/Cargo.toml"},
            {"name":"own","version":"1.0.0","license":null,"manifest_path":"/o/Cargo.toml"}]}"#;
        let crates = crates(metadata).expect("it is what Cargo prints");
        assert_eq!(crates[0].name, "ring v1.2.3");
        assert_eq!((crates[0].licence.as_str(), crates[0].manifest.as_str()), ("ISC", "/r/Cargo.toml"));
        assert_eq!(crates[1].licence, "as below");
        assert!(super::crates("{}").is_err());
        assert!(super::crates(r#"{"packages":[{"version":"1"}]}"#).is_err());
    }
}
