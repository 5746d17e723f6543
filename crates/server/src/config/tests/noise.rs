//! Whatever a file holds, reading it ends with settings or with an error.

use proptest::prelude::*;

use super::super::table;
use super::*;

/// Pieces that lines are made of.
fn pieces() -> Vec<String> {
    let mut pieces: Vec<String> = table::options().map(|option| option.name.replace('*', "test")).collect();
    let words = [
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "#",
        "\"",
        "\"\"",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "65535",
        "99999999999999999999",
        "0x10",
        "a",
        "a/b",
        "#",
        "+",
        "${",
        "}",
        "${HOME}",
        "$",
        ":",
        "b:1",
        "out",
        "in",
        "both",
        ",",
        "3",
        "é",
        "\u{0}",
        "file",
        "all",
        "none",
        "tlsv1.2",
    ];
    pieces.extend(words.iter().map(|word| (*word).to_owned()));
    pieces
}

fn read_any(bytes: &[u8]) {
    for dialect in [Dialect::Martlet, Dialect::Mosquitto] {
        let mut notes = Vec::new();
        match Configuration::parse("a.conf", bytes, dialect, &mut notes) {
            Ok(configuration) => {
                assert_eq!(configuration.listener_places.len(), configuration.settings.listeners.len());
                assert_eq!(configuration.bridge_places.len(), configuration.settings.bridges.len());
                let _ = lint::lint(&configuration, &notes, dialect, &lint::Disk).to_string();
            }
            Err(error) => {
                let _ = (error.to_string(), error.mosquitto_lines());
            }
        }
        for note in notes {
            let _ = (note.to_string(), note.mosquitto_lines());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_any(&bytes);
    }

    #[test]
    fn any_lines(text in proptest::collection::vec(proptest::sample::select(pieces()), 0..80)) {
        read_any(text.concat().as_bytes());
    }

    #[test]
    fn options_with_any_value(lines in proptest::collection::vec(
        (proptest::sample::select(pieces()), "[ -~]{0,20}"), 0..20,
    )) {
        let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let text = lines.join("\n");
        read_any(text.as_bytes());
    }
}
