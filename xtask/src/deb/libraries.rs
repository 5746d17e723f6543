//! Which packages of Debian have the shared libraries that the program needs.

use core::fmt::Write as _;

/// `Depends` of a program, from what `readelf --dynamic --version-info` prints about it. Debian's own tool asks the packages
/// that are installed, which are those of another kind of machine when one builds for another one.
pub(super) fn depends(facts: &str) -> Result<String, String> {
    let mut packages: Vec<String> = Vec::new();
    for library in facts.lines().filter_map(needed) {
        let package = match library {
            "libc.so.6" | "libm.so.6" | "libdl.so.2" | "libpthread.so.0" | "librt.so.1" => c_library(facts)?,
            name if name.starts_with("ld-linux") => c_library(facts)?,
            "libgcc_s.so.1" => "libgcc-s1 (>= 4.2)".to_owned(),
            // Debian 13 calls it otherwise, and provides the old name.
            "libssl.so.3" | "libcrypto.so.3" => "libssl3 (>= 3.0.0)".to_owned(),
            other => return Err(format!("nobody has said which package has {other}")),
        };
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    packages.sort();
    Ok(packages.join(", "))
}

/// The name in a line such as ` 0x01 (NEEDED)  Shared library: [libc.so.6]`.
fn needed(line: &str) -> Option<&str> {
    line.split_once("(NEEDED)")?.1.split_once('[')?.1.split_once(']').map(|(name, _)| name)
}

/// The C library, of the newest version that a symbol asks for.
fn c_library(facts: &str) -> Result<String, String> {
    let versions = facts.split("Name: GLIBC_").skip(1);
    let versions = versions.filter_map(|rest| {
        let number = rest.split_whitespace().next()?;
        number.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()
    });
    let newest = versions.max().ok_or("the program needs no version of the C library")?;
    let mut text = "libc6 (>= ".to_owned();
    for (place, part) in newest.iter().enumerate() {
        let dot = if place > 0 { "." } else { "" };
        let _ = write!(text, "{dot}{part}");
    }
    Ok(text + ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = "\
 0x0000000000000001 (NEEDED)             Shared library: [libssl.so.3]
 0x0000000000000001 (NEEDED)             Shared library: [libcrypto.so.3]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x0000000000000001 (NEEDED)             Shared library: [ld-linux-x86-64.so.2]
 0x000000000000000e (SONAME)             Library soname: [other.so]
  0x0010:   Name: GLIBC_2.9  Flags: none  Version: 5
  0x0020:   Name: GLIBC_2.34  Flags: none  Version: 4
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 3
";

    #[test]
    fn libraries_are_in_packages() {
        assert_eq!(depends(FACTS).as_deref(), Ok("libc6 (>= 2.34), libssl3 (>= 3.0.0)"));
        assert_eq!(depends("").as_deref(), Ok(""));
    }

    #[test]
    fn a_library_that_nobody_knows_is_an_error() {
        let facts = FACTS.replace("libssl.so.3", "libfoo.so.1");
        assert!(depends(&facts).is_err_and(|error| error.contains("libfoo.so.1")));
    }
}
