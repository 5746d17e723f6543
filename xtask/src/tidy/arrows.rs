//! Which crate may import which.

/// Direct arrows; what follows from them is allowed too. Crates that are not named here are tools and tests: they may
/// import all, and nobody may import them but each other.
const ARROWS: [(&str, &[&str]); 18] = [
    (
        "martlet",
        &[
            "martlet-access",
            "martlet-bridge",
            "martlet-client",
            "martlet-db",
            "martlet-heap",
            "martlet-server",
            "martlet-tools",
        ],
    ),
    ("martlet-bridge", &["martlet-client"]),
    (
        "martlet-server",
        &[
            "martlet-access",
            "martlet-engine",
            "martlet-cluster",
            "martlet-dynsec",
            "martlet-heap",
            "martlet-json",
            "martlet-sn",
            "martlet-store",
            "martlet-transport",
            "martlet-admin",
        ],
    ),
    ("martlet-client", &["martlet-proto", "martlet-transport"]),
    ("martlet-db", &["martlet-engine", "martlet-store", "martlet-tools"]),
    ("martlet-admin", &["martlet-engine"]),
    ("martlet-cluster", &["martlet-engine", "martlet-store"]),
    ("martlet-sn", &["martlet-proto"]),
    ("martlet-engine", &["martlet-proto"]),
    ("martlet-proto", &["martlet-wire"]),
    ("martlet-tools", &["martlet-access", "martlet-json"]),
    ("martlet-access", &["martlet-wire"]),
    ("martlet-dynsec", &["martlet-json"]),
    ("martlet-heap", &[]),
    ("martlet-json", &[]),
    ("martlet-wire", &[]),
    ("martlet-store", &[]),
    ("martlet-transport", &[]),
];

/// A manifest's name and dependencies. Those of its tests do not count: a test may have the whole house around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    name: String,
    dependencies: Vec<String>,
}

impl Package {
    /// Reads as much of a `Cargo.toml` as is needed; `None` when it names no package.
    pub(crate) fn parse(manifest: &str) -> Option<Self> {
        let (mut name, mut dependencies, mut section) = (None, Vec::new(), "");
        for line in manifest.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = header;
                // `[dependencies.name]`
                if !section.contains("dev-dependencies")
                    && let Some((_, dependency)) = section.rsplit_once("dependencies.")
                {
                    dependencies.push(dependency.trim_matches('"').to_owned());
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let key = key.split('.').next().unwrap_or_default().trim().trim_matches('"');
            if key.starts_with('#') {
                continue;
            }
            if section == "package" && key == "name" {
                name = Some(value.trim().trim_matches('"').to_owned());
            } else if section.ends_with("dependencies") && !section.ends_with("dev-dependencies") {
                dependencies.push(key.to_owned());
            }
        }
        Some(Self { name: name?, dependencies })
    }
}

/// The arrows that should not be.
pub(crate) fn problems(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut problems = Vec::new();
    for package in packages {
        let Some(allowed) = reachable(&package.name) else { continue };
        for dependency in package.dependencies.iter().filter(|dependency| ours(dependency)) {
            if !allowed.contains(&dependency.as_str()) {
                problems.push(format!("{} must not import {dependency}", package.name));
            }
        }
    }
    problems
}

/// All crates that a crate may import; `None` for tools and tests, which may import all.
fn reachable(name: &str) -> Option<Vec<&'static str>> {
    let direct = |name: &str| ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    let mut reached = direct(name)?.to_vec();
    let mut next = 0;
    while let Some(&name) = reached.get(next) {
        for further in direct(name).unwrap_or_default() {
            if !reached.contains(further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    Some(reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn manifests_are_read() {
        let manifest = "
[package]
name = \"martlet-proto\"
version.workspace = true

[dependencies]
# martlet-none = \"1\"
martlet-wire.workspace = true
mio = { version = \"1\" }

[dev-dependencies.proptest]
version = \"1\"

[dev-dependencies]
martlet-server.workspace = true

[dependencies.hashbrown]
version = \"0.17\"

[target.'cfg(unix)'.dependencies]
libc = \"0.2\"

[features]
alloc = []
";
        let expected = package("martlet-proto", &["martlet-wire", "mio", "hashbrown", "libc"]);
        assert_eq!(Package::parse(manifest), Some(expected));
        assert_eq!(Package::parse("[workspace]\n"), None);
    }

    #[test]
    fn arrows_run_down() {
        let packages = [
            package("martlet-wire", &["proptest"]),
            package("martlet-proto", &["martlet-wire"]),
            package("martlet-engine", &["martlet-proto", "martlet-wire"]),
            package("conformance", &["martlet-engine"]),
        ];
        assert_eq!(problems(&packages), [""; 0]);
    }

    #[test]
    fn other_arrows_are_found() {
        let packages = [
            package("martlet-wire", &["martlet-proto"]),
            package("martlet-proto", &["conformance"]),
            package("martlet-transport", &["martlet-wire"]),
            package("conformance", &[]),
        ];
        assert_eq!(
            problems(&packages),
            [
                "martlet-wire must not import martlet-proto",
                "martlet-proto must not import conformance",
                "martlet-transport must not import martlet-wire",
            ]
        );
    }
}
