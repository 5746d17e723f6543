//! Records: what is written is read again, and what is no record is refused.

use martlet_tools::property::{Kind, Property, PropertyId, Value};
use martlet_tools::record::{Reader, RecordedMessage, Writer};
use proptest::prelude::*;

fn property() -> impl Strategy<Value = Property> {
    let ids: Vec<_> = PropertyId::all().collect();
    (prop::sample::select(ids), any::<u32>(), ".{0,8}", ".{0,8}", prop::collection::vec(any::<u8>(), 0..8))
        .prop_map(|(id, number, text, other, bytes)| {
            let value = match id.kind() {
                Kind::Byte => Value::Number(number & 0xff),
                Kind::TwoBytes => Value::Number(number & 0xffff),
                Kind::FourBytes => Value::Number(number),
                Kind::Variable => Value::Number(number & 0x0fff_ffff),
                Kind::Text => Value::Text(text),
                Kind::Binary => Value::Binary(bytes),
                Kind::Pair => Value::Pair(text, other),
            };
            Property { id, value }
        })
}

prop_compose! {
    fn message()(
        time_micros in 0_u64..=1 << 53,
        topic in "\\PC{0,20}",
        qos in 0_u8..=2,
        retain in any::<bool>(),
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            ".{0,32}".prop_map(String::into_bytes),
        ],
        properties in prop::collection::vec(property(), 0..6),
    ) -> RecordedMessage {
        RecordedMessage { time_micros, topic, qos, retain, payload, properties }
    }
}

fn read(record: &[u8]) -> Vec<Result<RecordedMessage, String>> {
    Reader::new(record).map(|message| message.map_err(|error| error.to_string())).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(messages in prop::collection::vec(message(), 0..5)) {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for message in &messages {
            writer.write(message).unwrap();
        }
        let record = writer.into_inner();
        prop_assert!(core::str::from_utf8(&record).is_ok());
        prop_assert_eq!(record.split_inclusive(|byte| *byte == b'\n').count(), messages.len() + 1);
        let back: Vec<_> = read(&record).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(back, messages);
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256), lines in ".{0,200}") {
        read(&bytes);
        read(format!("{{\"martlet-record\":1}}\n{lines}").as_bytes());
    }
}

#[test]
fn a_record_is_as_its_description_says() {
    let record = b"{\"martlet-record\":1}\n\n# a comment\n\
        {\"time_us\":0,\"topic\":\"a/b\",\"payload\":\"21.5\",\"unknown\":[1]}\n\
        {\"time_us\":1500,\"topic\":\"c\",\"qos\":1,\"retain\":true,\"payload_base64\":\"/wA=\",\"properties\":\
        [{\"user-property\":[\"n\",\"v\"]},{\"correlation-data\":\"/w==\"},{\"message-expiry-interval\":7}]}";
    let messages: Vec<_> = read(record).into_iter().map(Result::unwrap).collect();
    let [first, second] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((first.qos, first.retain, first.payload.as_slice()), (0, false, &b"21.5"[..]));
    assert_eq!((second.time_micros, second.qos, second.retain), (1_500, 1, true));
    assert_eq!(second.payload, [0xff, 0]);
    let values: Vec<_> = second.properties.iter().map(|property| property.value.clone()).collect();
    let pair = Value::Pair("n".to_owned(), "v".to_owned());
    assert_eq!(values, [pair, Value::Binary(vec![0xff]), Value::Number(7)]);
}

#[test]
fn wrong_lines_are_named() {
    assert!(read(b"").is_empty());
    for (record, error) in [
        ("{\"martlet-record\":2}", "line 1: the record has another version or none"),
        ("{\"time_us\":0,\"topic\":\"a\"}", "line 1: the record has another version or none"),
        ("nonsense", "line 1: no JSON object"),
        ("{\"martlet-record\":1}\n[]", "line 2: no JSON object"),
        ("{\"martlet-record\":1}\n{\"topic\":\"a\"}", "line 2: \"time_us\" is missing or wrong"),
        (
            "{\"martlet-record\":1}\n{\"time_us\":-1,\"topic\":\"a\"}",
            "line 2: \"time_us\" is missing or wrong",
        ),
        ("{\"martlet-record\":1}\n\n{\"time_us\":1.5}", "line 3: \"time_us\" is missing or wrong"),
        ("{\"martlet-record\":1}\n{\"time_us\":1}", "line 2: \"topic\" is missing or wrong"),
        (
            "{\"martlet-record\":1}\n{\"time_us\":1,\"topic\":\"a\",\"qos\":3}",
            "line 2: \"qos\" is missing or wrong",
        ),
        (
            "{\"martlet-record\":1}\n{\"time_us\":1,\"topic\":\"a\",\"payload_base64\":\"!\"}",
            "line 2: \"payload_base64\" is missing or wrong",
        ),
        (
            "{\"martlet-record\":1}\n{\"time_us\":1,\"topic\":\"a\",\"properties\":[{\"no\":1}]}",
            "line 2: \"properties\" is missing or wrong",
        ),
    ] {
        let first = read(record.as_bytes()).swap_remove(0);
        assert_eq!(first.unwrap_err(), error, "{record}");
    }
}
