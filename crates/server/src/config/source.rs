//! Files of a configuration: the main one, and those of `include_dir`.

use core::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::note::{Note, NoteKind};
use super::problem::{ConfigError, Place, Problem};
use super::reader::{Current, Reader, place};

/// How large a file may be.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A file that is being read.
struct Source<'a> {
    /// Its name, for messages.
    name: Arc<str>,
    /// The name of the main file.
    main: &'a Arc<str>,
    /// The line that includes it.
    included_at: Option<&'a Place>,
}

impl Source<'_> {
    fn error(&self, at: Option<Place>, problem: Problem) -> ConfigError {
        let included_at = self.included_at.cloned();
        ConfigError {
            file: Arc::clone(self.main),
            at,
            included_at,
            is_late: false,
            problem: Box::new(problem),
        }
    }
}

/// Reads the main file, and all that it includes.
pub(super) fn read_main(reader: &mut Reader<'_>, path: &Path) -> Result<(), ConfigError> {
    let name: Arc<str> = path.display().to_string().into();
    let source = Source { name: Arc::clone(&name), main: &name, included_at: None };
    let text = read(path).map_err(|problem| source.error(None, problem))?;
    read_text(reader, &source, &text)
}

/// Reads the text of a main file.
pub(super) fn read_main_text(reader: &mut Reader<'_>, name: &str, text: &[u8]) -> Result<(), ConfigError> {
    let name: Arc<str> = name.into();
    read_text(reader, &Source { name: Arc::clone(&name), main: &name, included_at: None }, text)
}

fn read_text(reader: &mut Reader<'_>, source: &Source<'_>, text: &[u8]) -> Result<(), ConfigError> {
    let mut current = Current::default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let at = place(&source.name, number);
        let folder = reader.line(&at, line, &mut current);
        let Some(folder) = folder.map_err(|problem| source.error(Some(at.clone()), problem))? else {
            continue;
        };
        if source.included_at.is_some() {
            return Err(source.error(Some(at), Problem::NestedInclude));
        }
        include(reader, source, &at, Path::new(&folder))?;
    }
    Ok(())
}

/// Reads the files of a folder.
fn include(
    reader: &mut Reader<'_>,
    source: &Source<'_>,
    at: &Place,
    folder: &Path,
) -> Result<(), ConfigError> {
    let files = files_of(folder).map_err(|cause| {
        let problem = Problem::NoFolder { path: folder.into(), cause };
        source.error(Some(at.clone()), problem)
    })?;
    for path in files {
        let name: Arc<str> = path.display().to_string().into();
        reader.notes.push(Note { at: at.clone(), kind: NoteKind::Included { file: name.as_ref().into() } });
        let text = read(&path).map_err(|problem| source.error(Some(at.clone()), problem))?;
        read_text(reader, &Source { name, main: source.main, included_at: Some(at) }, &text)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let file = || path.display().to_string();
    if path.is_dir() {
        return Err(Problem::IsFolder { file: file() });
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|cause| Problem::Unreadable { file: file(), cause })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Problem::TooLarge { bytes_max: FILE_BYTES_MAX });
    }
    Ok(bytes)
}

/// The files of a folder whose names end with `.conf`, in their order.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_one = name.len() > ".conf".len() && Path::new(&name).extension() == Some(OsStr::new("conf"));
        names.extend(is_one.then_some(name));
    }
    names.sort_by(|one, other| in_order(one.as_encoded_bytes(), other.as_encoded_bytes()));
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The order of the alphabet, with upper case before lower case of the same letter.
fn in_order(one: &[u8], other: &[u8]) -> Ordering {
    for (a, b) in one.iter().zip(other) {
        let letters = a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase());
        let order = letters.then(a.cmp(b));
        if order.is_ne() {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_order_of_the_manual() {
        let mut names = ["b.conf", "A.conf", "01.conf", "a.conf", "B.conf", "00.conf"];
        names.sort_by(|one, other| in_order(one.as_bytes(), other.as_bytes()));
        assert_eq!(names, ["00.conf", "01.conf", "A.conf", "a.conf", "B.conf", "b.conf"]);
        assert_eq!(in_order(b"a", b"ab"), Ordering::Less);
    }
}
