//! The files of one package, as they will lie on the user's machine, and the package made of them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::command;

const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;

/// A package that is being laid out in a folder.
pub(super) struct Tree {
    name: &'static str,
    folder: PathBuf,
    /// Paths of the files that belong to the user once they are installed.
    conffiles: Vec<String>,
}

impl Tree {
    /// An empty package.
    pub(super) fn new(name: &'static str, work: &Path) -> Result<Self, String> {
        let folder = work.join(name);
        super::fresh(&folder)?;
        let tree = Self { name, folder, conffiles: Vec::new() };
        tree.folder("DEBIAN")?;
        Ok(tree)
    }

    /// An empty folder.
    pub(super) fn folder(&self, path: &str) -> Result<(), String> {
        let folder = self.folder.join(path);
        fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))
    }

    /// A file that everyone can read.
    pub(super) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), String> {
        self.write(path, content.as_ref(), FILE)
    }

    /// A file that everyone can run.
    pub(super) fn program(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), String> {
        self.write(path, content.as_ref(), PROGRAM)
    }

    /// A file that the user may change, and that no new version takes away from him.
    pub(super) fn conffile(&mut self, path: &str, content: impl AsRef<[u8]>) -> Result<(), String> {
        self.conffiles.push(path.to_owned());
        self.file(path, content)
    }

    /// Writes more into a file that is there.
    pub(super) fn append(&self, path: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(path);
        let file = fs::OpenOptions::new().append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// A file that is compressed, in a way that gives the same bytes each time.
    pub(super) fn compressed(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), String> {
        self.file(path, content)?;
        let mut gzip = command::new("gzip", &self.folder);
        command::run(gzip.args(["--best", "--no-name", "--force", path]))
    }

    /// A link.
    pub(super) fn link(&self, path: &str, to: &str) -> Result<(), String> {
        let path = self.above(path)?;
        symlink(to, &path).map_err(|error| format!("cannot link {}: {error}", path.display()))
    }

    /// What dpkg has to know of the package, with all but its fields for files and size.
    pub(super) fn control(&self, fields: &str, scripts: &[(&str, String)]) -> Result<(), String> {
        let kilobytes =
            command::output(command::new("du", &self.folder).args(["-ks", "--exclude=DEBIAN", "."]))?;
        let kilobytes = kilobytes.split_whitespace().next().unwrap_or("0");
        self.file("DEBIAN/control", format!("{}\nInstalled-Size: {kilobytes}\n", fields.trim_end()))?;
        for (name, script) in scripts {
            self.program(&format!("DEBIAN/{name}"), script)?;
        }
        if !self.conffiles.is_empty() {
            let paths: Vec<String> = self.conffiles.iter().map(|path| format!("/{path}\n")).collect();
            self.file("DEBIAN/conffiles", paths.concat())?;
        }
        let mut find = command::new("find", &self.folder);
        find.args([".", "-type", "f", "-not", "-path", "./DEBIAN/*", "-printf", "%P\\n"]);
        let mut files: Vec<String> = command::output(&mut find)?.lines().map(str::to_owned).collect();
        files.retain(|file| !self.conffiles.contains(file));
        files.sort();
        let sums = command::output(command::new("md5sum", &self.folder).arg("--").args(files))?;
        self.file("DEBIAN/md5sums", sums)
    }

    /// Makes the package and returns its file. Whatever the permissions that new folders get here, in a package everyone can
    /// look into them.
    pub(super) fn pack(&self, work: &Path, version: &str, architecture: &str) -> Result<PathBuf, String> {
        let package = work.join(format!("{}_{version}_{architecture}.deb", self.name));
        let mut folders = command::new("find", &self.folder);
        command::run(folders.args([".", "-type", "d", "-exec", "chmod", "755", "{}", "+"]))?;
        // The files are the user's who builds; on the machines of others they are root's.
        let mut build = command::new("dpkg-deb", work);
        build.args(["--root-owner-group", "-Zxz", "--build"]).arg(&self.folder).arg(&package);
        command::output(&mut build)?;
        Ok(package)
    }

    fn write(&self, path: &str, content: &[u8], mode: u32) -> Result<(), String> {
        let path = self.above(path)?;
        let written = fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// The place of a file, in a folder that is there.
    fn above(&self, path: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(path)
    }
}
