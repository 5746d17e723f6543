//! What is where in each package.

use std::fs;
use std::path::Path;

use super::build::Built;
use super::tree::Tree;
use super::{SOURCES, WORK};

/// One of the packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Package {
    /// The program, its service and its configuration.
    Martlet,
    /// The service and the names of Mosquitto's broker.
    Mosquitto,
    /// The names of Mosquitto's clients.
    MosquittoClients,
}

impl Package {
    /// Every package; each needs only those before it.
    pub(super) const ALL: [Self; 3] = [Self::Martlet, Self::Mosquitto, Self::MosquittoClients];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Martlet => "martlet",
            Self::Mosquitto => "martlet-mosquitto",
            Self::MosquittoClients => "martlet-mosquitto-clients",
        }
    }

    /// Its maintainer scripts.
    const fn scripts(self) -> &'static [&'static str] {
        match self {
            Self::Martlet | Self::Mosquitto => &["postinst", "prerm", "postrm"],
            Self::MosquittoClients => &[],
        }
    }
}

/// Lays out a package.
pub(super) fn lay_out(package: Package, root: &Path, built: &Built, version: &str) -> Result<Tree, String> {
    let sources = Sources { root, package: package.name() };
    let mut tree = Tree::new(package.name(), &root.join(WORK))?;
    match package {
        Package::Martlet => martlet(&mut tree, &sources, built)?,
        Package::Mosquitto => mosquitto(&tree, &sources, built)?,
        Package::MosquittoClients => {
            for name in ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"] {
                tool(&tree, built, name)?;
            }
        }
    }
    let documents = format!("usr/share/doc/{}", package.name());
    tree.file(&format!("{documents}/copyright"), sources.common("copyright")?)?;
    tree.compressed(&format!("{documents}/changelog.Debian"), sources.common("changelog")?)?;
    let scripts: Result<Vec<_>, String> =
        package.scripts().iter().map(|name| Ok((*name, sources.own(name)?))).collect();
    tree.control(&control(&sources, built, version)?, &scripts?)?;
    Ok(tree)
}

/// The program, the service and the configuration.
fn martlet(tree: &mut Tree, sources: &Sources<'_>, built: &Built) -> Result<(), String> {
    tree.program("usr/bin/martlet", read(&built.program)?)?;
    tree.file("usr/lib/systemd/system/martlet.service", sources.own("martlet.service")?)?;
    tree.conffile("etc/martlet/martlet.conf", sources.own("martlet.conf")?)?;
    tree.conffile("etc/logrotate.d/martlet", sources.own("logrotate")?)?;
    tree.folder("etc/martlet/conf.d")?;
    let pages =
        fs::read_dir(built.documents.join("man")).map_err(|error| format!("no manual pages: {error}"))?;
    for entry in pages {
        let name = entry.map_err(|error| format!("no manual pages: {error}"))?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("martlet") {
            page(tree, built, &name, &name)?;
        }
    }
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/martlet"),
        ("zsh", "usr/share/zsh/vendor-completions/_martlet"),
        ("fish", "usr/share/fish/vendor_completions.d/martlet.fish"),
    ] {
        tree.file(path, read(&built.documents.join(shell))?)?;
    }
    tree.compressed("usr/share/doc/martlet/changelog", sources.at_root("CHANGELOG.md")?)?;
    tree.compressed("usr/share/doc/martlet/third-parties", &built.third_parties)?;
    for document in ["install", "running", "configuration", "tools", "control", "recording", "store"] {
        let text = sources.at_root(&format!("docs/{document}.md"))?;
        tree.compressed(&format!("usr/share/doc/martlet/{document}.md"), text)?;
    }
    Ok(())
}

/// The service and the names of Mosquitto's broker. Its configuration is laid down by `postinst`, since dpkg would ask
/// everyone about it who has changed that of Mosquitto.
fn mosquitto(tree: &Tree, sources: &Sources<'_>, built: &Built) -> Result<(), String> {
    tree.link("usr/sbin/mosquitto", "../bin/martlet")?;
    for name in ["mosquitto_passwd", "mosquitto_ctrl", "mosquitto_signal"] {
        tool(tree, built, name)?;
    }
    completions(tree, "mosquitto")?;
    page(tree, built, "mosquitto.1", "mosquitto.8")?;
    tree.compressed("usr/share/man/man5/mosquitto.conf.5", ".so man5/martlet.conf.5\n")?;
    tree.file("usr/lib/systemd/system/martlet-mosquitto.service", sources.own("martlet-mosquitto.service")?)?;
    tree.link("usr/lib/systemd/system/mosquitto.service", "martlet-mosquitto.service")?;
    let templates = "usr/share/martlet-mosquitto/etc";
    tree.file(&format!("{templates}/mosquitto/mosquitto.conf"), sources.own("mosquitto.conf")?)?;
    tree.file(&format!("{templates}/logrotate.d/mosquitto"), sources.own("logrotate")?)?;
    for folder in ["etc/mosquitto/conf.d", "var/lib/mosquitto", "var/log/mosquitto"] {
        tree.folder(folder)?;
    }
    Ok(())
}

/// A tool under its name in Mosquitto, with its page.
fn tool(tree: &Tree, built: &Built, name: &str) -> Result<(), String> {
    tree.link(&format!("usr/bin/{name}"), "martlet")?;
    completions(tree, name)?;
    page(tree, built, &format!("{name}.1"), &format!("{name}.1"))
}

/// The completions of a name, for the shells that look for a file of that name. Those of `martlet` are for all names.
fn completions(tree: &Tree, name: &str) -> Result<(), String> {
    tree.link(&format!("usr/share/bash-completion/completions/{name}"), "martlet")?;
    tree.link(&format!("usr/share/fish/vendor_completions.d/{name}.fish"), "martlet.fish")
}

/// A manual page, in the section that the name of its file ends with.
fn page(tree: &Tree, built: &Built, printed: &str, installed: &str) -> Result<(), String> {
    let (title, section) = installed.rsplit_once('.').ok_or("a manual page has a section")?;
    let text = String::from_utf8_lossy(&read(&built.documents.join("man").join(printed))?).into_owned();
    let (_, old) = printed.rsplit_once('.').ok_or("a manual page has a section")?;
    let title = title.to_uppercase().replace('-', "\\-");
    let text = text.replacen(&format!(".TH {title} {old} "), &format!(".TH {title} {section} "), 1);
    tree.compressed(&format!("usr/share/man/man{section}/{installed}"), text)
}

/// The fields of a package, from its own and those that all have.
fn control(sources: &Sources<'_>, built: &Built, version: &str) -> Result<String, String> {
    let changelog = sources.common("changelog")?;
    let signed = changelog.lines().find_map(|line| line.strip_prefix(" -- "));
    let maintainer = signed.and_then(|line| line.split_once("  ")).map(|(maintainer, _)| maintainer);
    let maintainer = maintainer.ok_or("nobody has signed the changelog of the packages")?;
    let own = sources.own("control")?;
    let (name, rest) = own.split_once('\n').ok_or("the control file is empty")?;
    let own = format!(
        "{name}\nSource: martlet\nVersion: {version}\nArchitecture: {}\nMaintainer: {maintainer}\n{rest}",
        built.architecture
    );
    let own = own.replace("@VERSION@", version);
    // A static program needs nothing.
    let libraries = if built.depends.is_empty() { String::new() } else { format!(", {}", built.depends) };
    Ok(own.replace(", @SHARED_LIBRARIES@", &libraries))
}

/// Where the texts of a package come from.
struct Sources<'a> {
    root: &'a Path,
    package: &'static str,
}

impl Sources<'_> {
    fn own(&self, name: &str) -> Result<String, String> {
        self.at_root(&format!("{SOURCES}/{}/{name}", self.package))
    }

    fn common(&self, name: &str) -> Result<String, String> {
        self.at_root(&format!("{SOURCES}/{name}"))
    }

    fn at_root(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path)).map_err(|error| format!("cannot read {path}: {error}"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
