use super::*;
use crate::fault::Fault;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame of a client.
fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let (mut head, len) = binary_head(content.len() as u64);
    head[0] = first;
    head[1] |= MASKED;
    let content = content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head[..usize::from(len)].iter().copied().chain(MASK).chain(content).collect()
}

fn frames() -> Frames {
    Frames::new(1 << 20)
}

/// How the frames end.
#[derive(Debug, PartialEq)]
enum End {
    NotYet,
    Closed,
    Failed(Fault),
}

/// What comes out of bytes that come in pieces of so many, and how it ends.
#[derive(Debug, PartialEq)]
struct Outcome {
    data: Vec<u8>,
    end: End,
    /// What is to be answered.
    controls: Vec<Vec<u8>>,
}

fn outcome(bytes: &[u8], piece: usize) -> Outcome {
    let mut frames = frames();
    let mut outcome = Outcome { data: Vec::new(), end: End::NotYet, controls: Vec::new() };
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let Progress { bytes, stop } = frames.receive(&mut piece);
        outcome.data.extend_from_slice(&piece[..bytes]);
        outcome.controls.extend(core::iter::from_fn(|| frames.take_control()));
        if let Some(stop) = stop {
            outcome.end = match stop {
                Stop::Ended => End::Closed,
                Stop::Failed(fault) => End::Failed(fault),
            };
            break;
        }
    }
    outcome
}

/// Cuts the bytes into pieces of every size; all have to come to the same but for pings that came together, of which
/// only the last needs an answer.
fn check(bytes: &[u8], data: &[u8], end: &End, controls: &[&[u8]]) {
    for piece in 1..=bytes.len() {
        let outcome = outcome(bytes, piece);
        assert_eq!((&outcome.data[..], &outcome.end), (data, end), "in pieces of {piece}");
        assert_eq!(outcome.controls, controls, "in pieces of {piece}");
    }
}

#[test]
fn data_comes_out_of_frames_of_every_length() {
    for len in [0, 1, 7, 125, 126, 127, 300] {
        let content: Vec<u8> = (0..len).map(|at| u8::try_from(at % 256).unwrap()).collect();
        let two = [frame(0x82, &content), frame(0x82, b"next")].concat();
        check(&two, &[&content[..], b"next"].concat(), &End::NotYet, &[]);
    }
    let long = vec![0x5A; 70_000];
    for piece in [1, 1000, 65_536, 100_000] {
        assert!(outcome(&frame(0x82, &long), piece).data == long);
    }
}

#[test]
fn a_message_may_come_in_fragments_with_controls_between_them() {
    let bytes = [
        frame(0x02, b"one "),
        frame(0x00, b""),
        frame(0x89, b"are you there?"),
        frame(0x00, b"two "),
        frame(0x8A, b"unasked"),
        frame(0x80, b"three"),
        frame(0x82, b"!"),
    ]
    .concat();
    check(&bytes, b"one two three!", &End::NotYet, &[b"\x8A\x0Eare you there?"]);
}

#[test]
fn a_close_is_answered_and_is_the_end() {
    let closed = |content: &[u8], answer: &[u8]| {
        let bytes = [frame(0x82, b"last"), frame(0x88, content), frame(0x82, b"ignored")].concat();
        check(&bytes, b"last", &End::Closed, &[answer]);
    };
    closed(b"", b"\x88\x02\x03\xE8");
    closed(b"\x03\xE8", b"\x88\x02\x03\xE8");
    closed(b"\x03\xE9going away", b"\x88\x02\x03\xE9");
    closed(b"\x0F\xA0own code", b"\x88\x02\x0F\xA0");
}

#[test]
fn what_breaks_the_rules_is_a_fault_with_a_code() {
    let fails = |bytes: &[u8], fault: WebSocketFault| {
        let bytes = [&frame(0x82, b"good")[..], bytes].concat();
        let close = [&[0x88, 2][..], &fault.close_code().to_be_bytes()].concat();
        check(&bytes, b"good", &End::Failed(fault.into()), &[&close]);
    };
    fails(&frame(0x81, b"text"), WebSocketFault::Text);
    fails(&frame(0xC2, b"reserved"), WebSocketFault::ReservedBit);
    fails(&frame(0x92, b"reserved"), WebSocketFault::ReservedBit);
    fails(&frame(0x83, b"x"), WebSocketFault::Opcode(3));
    fails(&frame(0x8F, b"x"), WebSocketFault::Opcode(15));
    fails(&[0x82, 0x01, b'x'], WebSocketFault::Unmasked);
    fails(&frame(0x09, b"ping"), WebSocketFault::FragmentedControl);
    fails(&frame(0x89, &[b'x'; 126]), WebSocketFault::LongControl);
    fails(&frame(0x80, b"nothing"), WebSocketFault::NothingToContinue);
    fails(&[frame(0x02, b""), frame(0x82, b"")].concat(), WebSocketFault::MessageInMessage);
    fails(&frame(0x88, b"\x03"), WebSocketFault::Close);
    fails(&frame(0x88, b"\x03\xED"), WebSocketFault::Close); // 1005 is never sent
    fails(&frame(0x88, b"\x00\x00"), WebSocketFault::Close);
    fails(&frame(0x88, b"\x03\xE8\xFF"), WebSocketFault::Close); // no UTF-8
    let long = [&[0x82, 0xFF][..], &(1_u64 << 20 | 1).to_be_bytes(), &MASK].concat();
    fails(&long, WebSocketFault::LongFrame { len: 1 << 20 | 1 });
    let endless = [&[0x82, 0xFF][..], &[0xFF; 8], &MASK].concat();
    fails(&endless, WebSocketFault::LongFrame { len: u64::MAX });
    assert_eq!(WebSocketFault::Text.close_code(), 1003);
    assert_eq!(WebSocketFault::LongFrame { len: 0 }.close_code(), 1009);
}

#[test]
fn of_many_pings_the_last_is_answered() {
    let mut frames = frames();
    let mut pings = [frame(0x89, b"first"), frame(0x89, b"second")].concat();
    frames.receive(&mut pings);
    assert!(frames.has_control());
    assert_eq!(frames.take_control().as_deref(), Some(&b"\x8A\x06second"[..]));
    assert_eq!(frames.take_control(), None);
}

#[test]
fn what_is_said_besides_waits_for_the_end_of_a_frame() {
    let mut frames = frames();
    let (head, left) = frames.frame(300);
    assert_eq!((head, left), (&[0x82, 126, 1, 44][..], 300));
    assert_eq!(frames.sent(3), 0);
    frames.receive(&mut frame(0x89, b"p"));
    assert_eq!(frames.take_control(), None);
    // Whatever is offered then, it belongs to the frame that has begun.
    let (head, left) = frames.frame(5);
    assert_eq!((head, left), (&[44][..], 300));
    assert_eq!(frames.sent(101), 100);
    assert_eq!(frames.frame(5), (&[][..], 200));
    assert_eq!(frames.sent(200), 200);
    assert_eq!(frames.take_control().as_deref(), Some(&b"\x8A\x01p"[..]));
    assert_eq!(frames.frame(5), (&[0x82, 5][..], 5));
}

#[test]
fn a_close_is_sent_once() {
    let mut frames = frames();
    frames.finish();
    assert_eq!(frames.take_control().as_deref(), Some(&b"\x88\x02\x03\xE8"[..]));
    frames.receive(&mut frame(0x88, b"\x03\xE8"));
    frames.finish();
    assert_eq!(frames.take_control(), None);
    assert!(!frames.has_control());
}

#[test]
fn lengths_are_written_as_short_as_they_can_be() {
    let head = |len| {
        let (head, end) = binary_head(len);
        head[..usize::from(end)].to_vec()
    };
    assert_eq!(head(125), [0x82, 125]);
    assert_eq!(head(126), [0x82, 126, 0, 126]);
    assert_eq!(head(65_535), [0x82, 126, 0xFF, 0xFF]);
    assert_eq!(head(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}
