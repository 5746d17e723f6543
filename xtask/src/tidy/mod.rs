//! Checks what neither the compiler nor clippy looks at. Each check is a file of its own.

mod arrows;
mod docs;
mod exceptions;
mod lengths;
mod purity;
mod text;

use crate::repository::{Repository, is_rust};
use crate::source;
use exceptions::Exceptions;

const EXCEPTIONS: &str = "xtask/tidy-exceptions.tsv";

pub(crate) fn run(repository: &Repository) -> Result<(), String> {
    let mut exceptions =
        Exceptions::parse(&repository.read(EXCEPTIONS)?).map_err(|error| format!("{EXCEPTIONS}:{error}"))?;
    let mut problems = Vec::new();
    let mut packages = Vec::new();
    let files = repository.files()?;
    for file in &files {
        let bytes = repository.read_bytes(file)?;
        // What is no text (a corpus, an image) has no lines to be tidy.
        let Ok(content) = String::from_utf8(bytes) else { continue };
        if !is_data(file) {
            problems.extend(text::problems(file, &content));
        }
        if is_rust(file) {
            rust_file(file, &content, &mut exceptions, &mut problems);
        }
        if matches!(
            file.split('/').collect::<Vec<_>>()[..],
            ["crates", _, "Cargo.toml"] | ["xtask", "Cargo.toml"]
        ) {
            packages
                .push(arrows::Package::parse(&content).ok_or_else(|| format!("{file} names no package"))?);
        }
    }
    problems.extend(arrows::problems(&packages));
    problems.extend(docs::problems(repository)?);
    problems.extend(exceptions.unused().map(|place| format!("{EXCEPTIONS}: {place} is not needed any more")));
    if problems.is_empty() {
        println!("{} files and {} packages are tidy", files.len(), packages.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    Err(format!("{} things are not tidy", problems.len()))
}

fn rust_file(file: &str, content: &str, exceptions: &mut Exceptions, problems: &mut Vec<String>) {
    let code = source::code_only(content);
    problems.extend(lengths::problems(file, content, &code, exceptions));
    problems.extend(purity::problems(file, &code));
    let is_root = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs") || file.contains("/src/bin/");
    if is_root && !code.contains("#![forbid(unsafe_code)]") && !exceptions.allow("unsafe", file, 1) {
        problems.push(format!("{file}: #![forbid(unsafe_code)] is missing"));
    }
}

/// Files that others wrote, or whose bytes are the point.
fn is_data(file: &str) -> bool {
    file.starts_with("fuzz/corpus/") || file.starts_with("LICENSE-") || file.ends_with("Cargo.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(run(&Repository::of_this_program()), Ok(()));
    }
}
