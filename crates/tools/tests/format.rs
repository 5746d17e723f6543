//! How messages are printed: `-F` from `format.txt`, and the other output options.

use martlet_tools::flags::Output;
use martlet_tools::format::{Format, FormatError, Message, Moment, Printer, Warning};
use martlet_tools::property::{Property, PropertyId, Value};

fn moment() -> Moment {
    Moment::new(1_767_319_445, 6_007_008, 3_600).expect("the time is in range")
}

fn pair(number: u8) -> Property {
    let value = Value::Pair(format!("name{number}"), format!("value{number}"));
    Property { id: PropertyId::UserProperty, value }
}

fn properties() -> Vec<Property> {
    let property = |id, value| Property { id, value };
    vec![
        property(PropertyId::PayloadFormatIndicator, Value::Number(1)),
        property(PropertyId::MessageExpiryInterval, Value::Number(3_600)),
        property(PropertyId::ContentType, Value::Text("plain/text".to_owned())),
        property(PropertyId::ResponseTopic, Value::Text("/dev/null".to_owned())),
        property(PropertyId::CorrelationData, Value::Binary(vec![0, 0xff])),
        pair(1),
        pair(2),
        property(PropertyId::SubscriptionIdentifier, Value::Number(56)),
        pair(3),
        pair(4),
    ]
}

/// The messages that the table names.
fn message<'a>(name: &str, time: &'a Moment, properties: &'a [Property]) -> Message<'a> {
    const TOPIC: &str = "02/sub/format/test";
    let plain = Message {
        topic: TOPIC,
        payload: b"message",
        qos: 0,
        retain: true,
        packet_id: 0,
        properties: &[],
        time,
    };
    let other = |topic, payload| Message { topic, payload, retain: false, ..plain };
    match name {
        "plain" => plain,
        "v5" => Message { qos: 2, packet_id: 9, properties, ..plain },
        "double" => other("double", &[0x58, 0x39, 0xB4, 0xC8, 0x76, 0xBE, 0x05, 0x40]),
        "float" => other("float", &[0xF4, 0xFD, 0x34, 0x3F]),
        "minus" => other("minus", &[0x00, 0x00, 0xC0, 0xBF]),
        "empty" => other("empty", b""),
        "bytes" => other("bytes", b"\x00\xff\x80"),
        "json" => Message { qos: 1, packet_id: 3, ..other("json", b" {\"a\":[1,2.5,{\"b\":null}]}") },
        other => panic!("no message {other}"),
    }
}

/// `\n`, `\\` and `\xHH` as in the table.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, following @ ..] = rest {
        rest = following;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match rest[0] {
            b'x' => {
                let digits = core::str::from_utf8(&rest[1..3]).expect("two digits");
                out.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = &rest[2..];
            }
            b'n' => out.push(b'\n'),
            other => out.push(other),
        }
        rest = &rest[1..];
    }
    out
}

#[test]
fn formats_print_what_the_table_says() {
    let (time, properties) = (moment(), properties());
    let mut wrong = Vec::new();
    for line in include_str!("format.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fields = line.splitn(3, '|');
        let message = message(fields.next().unwrap(), &time, &properties);
        let format = Format::parse(fields.next().unwrap().as_bytes()).unwrap();
        let expected = unescape(fields.next().unwrap());
        let mut out = Vec::new();
        format.write(&message, false, &mut out);
        if out != expected {
            wrong.push(format!("{line}\n  {:?}", String::from_utf8_lossy(&out)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_printed_is_a_warning() {
    let time = moment();
    let message = message("plain", &time, &[]);
    for (format, warning) in [
        ("%J", Warning::NotJson { topic: "02/sub/format/test".to_owned() }),
        ("%f", Warning::NotFloat),
        ("%d", Warning::NotDouble),
    ] {
        let warnings = Format::parse(format.as_bytes()).unwrap().write(&message, false, &mut Vec::new());
        assert_eq!(warnings, [warning]);
    }
}

#[test]
fn wrong_formats_are_refused() {
    for format in ["%", "%0", "%-", "%1", "%.", "%.1", "@", "a%", "%-05.3"] {
        assert_eq!(Format::parse(format.as_bytes()), Err(FormatError::IncompleteSpecifier), "{format}");
    }
    assert_eq!(Format::parse(b"\\"), Err(FormatError::IncompleteEscape));
    assert_eq!(Format::parse(b"%Z"), Err(FormatError::InvalidSpecifier('Z')));
    assert_eq!(Format::parse(b"\\Z"), Err(FormatError::InvalidEscape('Z')));
    assert_eq!(Format::parse(b"%0-5l"), Err(FormatError::InvalidSpecifier('5')));
}

fn print(output: Output, name: &str) -> String {
    let (time, properties) = (moment(), properties());
    let mut out = Vec::new();
    Printer::new(output).print(&message(name, &time, &properties), &mut out);
    String::from_utf8(out).expect("these messages are UTF-8")
}

#[test]
fn output_options() {
    let plain = Output::default();
    let verbose = Output { verbose: true, ..plain.clone() };
    let bare = Output { no_newline: true, ..plain.clone() };
    let both = Output { no_newline: true, ..verbose.clone() };
    let format = Format::parse(b"%l").ok();
    for (output, name, printed) in [
        (&plain, "plain", "message\n"),
        (&plain, "empty", ""),
        (&verbose, "plain", "02/sub/format/test message\n"),
        (&verbose, "empty", "empty (null)\n"),
        (&bare, "plain", "message"),
        (&both, "plain", "02/sub/format/test message"),
        (&both, "empty", ""),
        (&Output { format: format.clone(), ..verbose.clone() }, "empty", "0\n"),
        (&Output { format, ..bare.clone() }, "empty", "0"),
    ] {
        assert_eq!(print(output.clone(), name), printed, "{output:?}");
    }
}

#[test]
fn pretty_json_has_lines_and_tabs() {
    let output = Output { format: Format::parse(b"%J").ok(), pretty: true, ..Output::default() };
    let expected = "{\n\t\"tst\":\t\"2026-01-02T03:04:05.006007+0100\",\n\t\"topic\":\t\"json\",\n\t\"qos\":\t1,\n\
                    \t\"retain\":\tfalse,\n\t\"payloadlen\":\t25,\n\t\"mid\":\t3,\n\t\"payload\":\t{\n\
                    \t\t\"a\":\t[1, 2.5, {\n\t\t\t\t\"b\":\tnull\n\t\t\t}]\n\t}\n}\n";
    assert_eq!(print(output, "json"), expected);
}

#[test]
fn watching_gives_each_topic_a_line() {
    let time = moment();
    let mut printer = Printer::new(Output { watch: true, ..Output::default() });
    assert_eq!(printer.heading("localhost"), b"\x1b[2J\x1b[1;1HBroker: localhost\n");
    let mut out = Vec::new();
    for name in ["plain", "json", "plain"] {
        printer.print(&Message { payload: b"x", ..message(name, &time, &[]) }, &mut out);
    }
    let expected = "\x1b[2;1Hx\n\x1b[2;1H\n\x1b[3;1Hx\n\x1b[3;1H\n\x1b[2;1Hx\n\x1b[3;1H\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
