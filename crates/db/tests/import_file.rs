//! `mosquitto.db` in all its formats.

mod support;

use std::fs;

use martlet_db::{ImportError, LeftOut, Note, Show, SourceError, SourcePlace, SourceProblem};
use support::mosquitto::{
    Delivery, File, IN, Message, OUT, PUBLISH_QOS1, QUEUED, WAIT_FOR_PUBACK, WAIT_FOR_PUBCOMP,
    WAIT_FOR_PUBREC, WAIT_FOR_PUBREL,
};
use support::{Folder, import_two, lines, without};

const FOREVER: u32 = u32::MAX;
/// A time that no test lives to see.
const FAR: i64 = 32_503_680_000;

const DELIVERY: Delivery<'_> = Delivery {
    client: "c",
    message: 1,
    packet_id: 5,
    qos: 1,
    retain: 0,
    dup: 0,
    direction: OUT,
    state: QUEUED,
    identifier: 0,
};

/// A client with something of everything that all formats have.
fn client_with_everything(format: u32) -> File {
    let mut file = File::new(format);
    file.message(&Message::new(1, "a/1", b"one", 1));
    file.message(&Message::new(2, "a/2", b"two", 2));
    file.message(&Message { retain: 1, ..Message::new(3, "r", b"kept", 0) });
    file.client("c", "ann", FOREVER, 0);
    file.delivery(&Delivery { message: 1, packet_id: 1, dup: 1, state: WAIT_FOR_PUBACK, ..DELIVERY });
    file.delivery(&Delivery { message: 2, packet_id: 2, qos: 2, dup: 1, state: WAIT_FOR_PUBREC, ..DELIVERY });
    file.delivery(&Delivery { message: 2, packet_id: 3, qos: 2, state: WAIT_FOR_PUBCOMP, ..DELIVERY });
    file.delivery(&Delivery { message: 1, packet_id: 4, state: PUBLISH_QOS1, retain: 1, ..DELIVERY });
    file.delivery(&Delivery { message: 2, packet_id: 5, qos: 2, state: QUEUED, ..DELIVERY });
    file.delivery(&Delivery { message: 3, packet_id: 0, qos: 0, state: QUEUED, ..DELIVERY });
    let incoming = Delivery { direction: IN, message: 2, packet_id: 77, qos: 2, ..DELIVERY };
    file.delivery(&Delivery { state: WAIT_FOR_PUBREL, ..incoming });
    file.subscription("c", "a/+", 2, 0, 0);
    file.subscription("c", "$SYS/#", 0, 0, 0);
    file.retained(3);
    file
}

const ONE: &str =
    r#"topic="a/1" message-qos=1 message-retain=false publisher="pub" payload-bytes=3 payload="one""#;
const TWO: &str =
    r#"topic="a/2" message-qos=2 message-retain=false publisher="pub" payload-bytes=3 payload="two""#;
const KEPT: &str =
    r#"topic="r" message-qos=0 message-retain=true publisher="pub" payload-bytes=4 payload="kept""#;

#[test]
fn all_formats_are_read() {
    let folder = Folder::new("formats");
    for format in 2..=6 {
        let from = folder.file("mosquitto.db", &client_with_everything(format).bytes);
        let to = folder.join(&format!("store-{format}"));
        let imported = import_two(&from, &to, false).unwrap();
        assert_eq!((imported.left_out, imported.problem_count), (Vec::new(), 0), "format {format}");
        let user_name = if format == 6 { r#" user-name="ann""# } else { "" };
        let expected = [
            format!(r#"session client="c"{user_name} expiry-interval=4294967295"#),
            r#"subscription client="c" filter="$SYS/#" qos=0 no-local=false retain-as-published=false retain-handling=0"#.to_owned(),
            r#"subscription client="c" filter="a/+" qos=2 no-local=false retain-as-published=false retain-handling=0"#.to_owned(),
            format!(r#"incoming client="c" packet-id=77 {TWO}"#),
            format!(r#"in-flight client="c" packet-id=1 awaits="PUBACK" qos=1 retain=false {ONE}"#),
            format!(r#"in-flight client="c" packet-id=2 awaits="PUBREC" qos=2 retain=false {TWO}"#),
            r#"in-flight client="c" packet-id=3 awaits="PUBCOMP""#.to_owned(),
            format!(r#"queued client="c" qos=1 retain=true {ONE}"#),
            format!(r#"queued client="c" qos=2 retain=false {TWO}"#),
            format!(r#"queued client="c" qos=0 retain=false {KEPT}"#),
            format!("retained {KEPT}"),
        ];
        assert_eq!(without(&lines(&to, Show::State), &["detached-at"]), expected, "format {format}");
    }
}

#[test]
fn what_mqtt_5_has_comes_over() {
    let folder = Folder::new("mqtt5");
    for format in 5..=6 {
        let mut file = File::new(format);
        // Content Type and a User Property; what belongs to one delivery does not go with the message.
        let section = b"\x03\x00\x01t\x0b\x07\x02\x00\x00\x00\x09\x26\x00\x01k\x00\x00\x23\x00\x01";
        let properties = [&[u8::try_from(section.len()).unwrap()], &section[..]].concat();
        let message = Message::new(1, "a", b"\xff", 1);
        file.message(&Message { properties: &properties, expires_at: FAR, ..message });
        file.client("c", "", 100_000, FAR);
        file.delivery(&Delivery { identifier: 7, ..DELIVERY });
        file.subscription("c", "$share/g/a", 1, 0x18, 7);
        file.subscription("c", "a", 2, 0x2c, 0);
        let from = folder.file("mosquitto.db", &file.bytes);
        let to = folder.join(&format!("store-{format}"));
        import_two(&from, &to, false).unwrap();
        let expected = [
            r#"session client="c" expiry-interval=100000"#,
            r#"subscription client="c" filter="$share/g/a" qos=1 no-local=false retain-as-published=true retain-handling=0 subscription-identifiers=[7]"#,
            r#"subscription client="c" filter="a" qos=2 no-local=true retain-as-published=true retain-handling=2"#,
            r#"queued client="c" qos=1 retain=false subscription-identifiers=[7] topic="a" message-qos=1 message-retain=false publisher="pub" expires-at=3000-01-01T00:00:00.000Z properties=[{"identifier":"content-type","value":"t"},{"identifier":"user-property","name":"k","value":""}] payload-bytes=1 payload-hex=ff"#,
        ];
        assert_eq!(without(&lines(&to, Show::State), &["detached-at"]), expected, "format {format}");
    }
}

#[test]
fn what_expired_or_is_not_there_is_left_out_and_told() {
    let mut file = File::new(6);
    file.message(&Message { expires_at: 1_600_000_000, ..Message::new(1, "a", b"x", 1) });
    file.message(&Message::new(2, "a", b"y", 1));
    file.client("gone", "", 10, 1_600_000_000);
    file.client("c", "", 10, 0);
    file.delivery(&DELIVERY);
    file.delivery(&Delivery { message: 9, ..DELIVERY });
    file.delivery(&Delivery { client: "gone", message: 2, ..DELIVERY });
    file.delivery(&Delivery { direction: IN, message: 2, state: WAIT_FOR_PUBREL, ..DELIVERY });
    file.subscription("never", "a", 0, 0, 0);
    file.retained(9);
    file.chunk(200, b"of a later version");
    let folder = Folder::new("expired");
    let from = folder.file("mosquitto.db", &file.bytes);
    let imported = import_two(&from, &folder.join("store"), false).unwrap();
    let note = |what, count| Note { what, count };
    let expected = [
        note(LeftOut::ExpiredMessages, 1),
        note(LeftOut::ExpiredSessions, 1),
        note(LeftOut::WithoutMessage, 2),
        note(LeftOut::WithoutSession, 2),
        note(LeftOut::Repeatable, 1),
        note(LeftOut::UnknownChunks, 1),
    ];
    assert_eq!(imported.left_out, expected);
    assert_eq!((imported.contents.sessions, imported.contents.queued), (1, 0));
}

#[test]
fn damage_is_told_with_its_place() {
    let folder = Folder::new("damage");
    for (format, chunk, offset, byte, problem) in [
        (6, 1, 8 + 30, 3, SourceProblem::QoS(3)),
        (6, 5, 8 + 13, 12, SourceProblem::State(12)),
        (6, 5, 8 + 15, 2, SourceProblem::Direction(2)),
        (6, 12, 8 + 13, b'a', SourceProblem::TopicFilter("aa+".to_owned())),
        (6, 4, 8 + 24, 0xff, SourceProblem::Text("Client Identifier")),
        (6, 1, 7, 20, SourceProblem::ChunkLength),
        (4, 1, 6 + 8, 9, SourceProblem::Truncated),
        (2, 1, 6 + 8, 9, SourceProblem::Truncated),
    ] {
        let mut file = client_with_everything(format);
        let start = file.chunks[chunk];
        let place = if chunk == 12 { start + 8 + 12 + 1 + 1 } else { start + offset };
        file.bytes[place] = byte;
        let from = folder.file("mosquitto.db", &file.bytes);
        let to = folder.join("store");
        let error = import_two(&from, &to, false).unwrap_err();
        let ImportError::Source { cause, .. } = error else { panic!("{error}") };
        let expected = SourceError { place: SourcePlace::Offset(start as u64), problem };
        assert_eq!(cause, expected, "format {format}, chunk {chunk}");
        assert!(!to.exists() && !folder.join("store.new").exists(), "nothing is left behind");
        let imported = import_two(&from, &to, true).unwrap();
        assert_eq!(imported.problems[0], expected);
        assert!(imported.problem_count >= 1);
        fs::remove_dir_all(&to).unwrap();
    }
}

#[test]
fn after_damage_all_else_is_read_where_the_length_of_a_chunk_tells_where_it_ends() {
    let mut file = client_with_everything(6);
    let start = file.chunks[1];
    file.bytes[start + 8 + 22] = 0xff; // the publisher is longer than the chunk
    let folder = Folder::new("resync");
    let from = folder.file("mosquitto.db", &file.bytes);
    let imported = import_two(&from, &folder.join("store"), true).unwrap();
    assert_eq!(imported.problem_count, 1, "{:?}", imported.problems);
    let contents = imported.contents;
    // The two deliveries of the message that could not be read are missing.
    assert_eq!((contents.sessions, contents.subscriptions, contents.retained), (1, 2, 1));
    assert_eq!((contents.in_flight, contents.queued, contents.incoming), (2, 2, 1));
    assert_eq!(imported.left_out, [Note { what: LeftOut::WithoutMessage, count: 2 }]);
}

/// Reads a file all the same where its store finds no place.
fn is_read(folder: &Folder, bytes: &[u8], keep_going: bool) -> bool {
    let from = folder.file("mosquitto.db", bytes);
    match import_two(&from, &folder.join("."), keep_going) {
        Err(ImportError::NotEmpty { .. }) => true,
        Err(ImportError::Source { .. }) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_told_or_read() {
    let folder = Folder::new("cut");
    for format in 2..=6 {
        let file = client_with_everything(format);
        for length in 0..file.bytes.len() {
            let is_whole = file.chunks.contains(&length);
            let bytes = &file.bytes[..length];
            assert_eq!(is_read(&folder, bytes, false), is_whole, "format {format}, {length} bytes");
        }
    }
}

#[test]
fn no_byte_can_make_it_panic() {
    let folder = Folder::new("bytes");
    for format in 2..=6 {
        let file = client_with_everything(format);
        for place in 0..file.bytes.len() {
            for flip in [0x55, 0x80, 0x03] {
                let mut bytes = file.bytes.clone();
                bytes[place] ^= flip;
                let is_past_the_configuration = place >= file.chunks[1];
                let is_read = is_read(&folder, &bytes, true);
                assert!(is_read || !is_past_the_configuration, "format {format}, byte {place}");
            }
            if place % 150 == 0 {
                let mut bytes = file.bytes.clone();
                bytes[place] ^= 0x55;
                let (from, to) = (folder.file("mosquitto.db", &bytes), folder.join("store"));
                // Whatever comes of it, an error or a store.
                let _ = import_two(&from, &to, true);
                let _ = fs::remove_dir_all(&to);
            }
        }
    }
}

#[test]
fn other_files_are_refused() {
    let folder = Folder::new("other");
    let mut of_32_bits = File::new(6);
    of_32_bits.bytes[23 + 8 + 9] = 4;
    for (bytes, expected) in [
        (&b""[..], SourceProblem::Unknown),
        (b"a text", SourceProblem::Unknown),
        (b"\x00\xb5\x00mosquitto d", SourceProblem::Unknown),
        (b"\x00\xb5\x00mosquitto db\0\0\0\0\0\0\0", SourceProblem::Truncated),
        (b"\x00\xb5\x00mosquitto db\0\0\0\0\0\0\0\x07", SourceProblem::Format(7)),
        (&of_32_bits.bytes, SourceProblem::IdBytes(4)),
    ] {
        let from = folder.file("mosquitto.db", bytes);
        let error = import_two(&from, &folder.join("store"), true).unwrap_err();
        let ImportError::Source { cause, .. } = error else { panic!("{error}") };
        assert_eq!(cause.problem, expected);
    }
    let error = import_two(&folder.join("nothing"), &folder.join("store"), true).unwrap_err();
    assert!(matches!(error, ImportError::Unreadable { .. }), "{error}");
}
