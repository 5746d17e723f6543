//! The crates without I/O stay without: no clock, file, socket, thread or hidden randomness.

const PURE_CRATES: [&str; 4] =
    ["crates/wire/src/", "crates/proto/src/", "crates/engine/src/", "crates/dynsec/src/"];
const FORBIDDEN: [&str; 9] = [
    "std::time::Instant",
    "std::time::SystemTime",
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "rand",
];

/// The forbidden paths that the code of a file uses. Takes code without comments and literals.
pub(crate) fn problems(file: &str, code: &str) -> Vec<String> {
    if !PURE_CRATES.iter().any(|folder| file.starts_with(folder)) {
        return Vec::new();
    }
    let mut problems: Vec<String> = paths(code)
        .iter()
        .filter_map(|path| FORBIDDEN.iter().find(|forbidden| begins_with(path, forbidden)))
        .map(|forbidden| format!("{file}: a crate without I/O uses {forbidden}"))
        .collect();
    problems.dedup();
    problems
}

fn begins_with(path: &str, forbidden: &str) -> bool {
    // `std::net::Tcp` stands for all types that begin so; the others are whole names.
    let rest = path.strip_prefix(forbidden);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || forbidden.ends_with(['p']))
}

/// All paths of two or more names, with `a::{b, c::d}` spelt out as `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut characters = code.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ':' if characters.peek() == Some(&':') && !path.is_empty() => {
                characters.next();
                path.push_str("::");
            }
            '{' => {
                // An ordinary block has an empty prefix, which changes nothing.
                let prefix = if path.ends_with("::") { core::mem::take(&mut path) } else { String::new() };
                finish(&mut path, &prefixes, &mut paths);
                prefixes.push(prefix);
            }
            '}' => {
                finish(&mut path, &prefixes, &mut paths);
                prefixes.pop();
            }
            _ if character.is_alphanumeric() || character == '_' => path.push(character),
            _ => finish(&mut path, &prefixes, &mut paths),
        }
    }
    finish(&mut path, &prefixes, &mut paths);
    paths
}

fn finish(path: &mut String, prefixes: &[String], paths: &mut Vec<String>) {
    let whole = prefixes.concat() + path;
    if !path.is_empty() && whole.contains("::") {
        paths.push(whole);
    }
    path.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        problems("crates/engine/src/lib.rs", code)
    }

    #[test]
    fn io_is_found_however_it_is_imported() {
        for code in [
            "use std::fs;",
            "use std::{collections::HashMap, fs::File};",
            "fn f() { std::thread::spawn(g); }",
            "use std::{net::{IpAddr, TcpStream}};",
            "let now = std::time::Instant::now();",
            "use rand::Rng;",
        ] {
            assert_eq!(found(code).len(), 1, "{code}");
        }
    }

    #[test]
    fn other_things_are_fine() {
        for code in [
            "use core::time::Duration;",
            "use std::{net::IpAddr, vec};",
            "let rand = 1;",
            "mod fs { fn thread() {} }",
        ] {
            assert_eq!(found(code), [""; 0], "{code}");
        }
        assert_eq!(problems("crates/server/src/lib.rs", "use std::fs;"), [""; 0]);
    }
}
