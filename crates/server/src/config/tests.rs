mod errors;
mod every_option;
mod files;
mod meaning;
mod noise;

use super::*;

/// Reads the lines, which have to be right.
fn read(text: &str) -> Configuration {
    Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new())
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// What the lines say.
fn settings(text: &str) -> Settings {
    read(text).settings
}

/// What there is to say about lines that are right.
fn notes(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let read = Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut notes);
    assert!(read.is_ok(), "{text:?}: {read:?}");
    notes.iter().map(ToString::to_string).collect()
}

/// The error in lines that are wrong.
fn error(text: &str) -> ConfigError {
    match Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new()) {
        Ok(configuration) => panic!("{text:?} gave {:?}", configuration.settings),
        Err(error) => error,
    }
}
