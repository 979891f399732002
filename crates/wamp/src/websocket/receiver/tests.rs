//! The receiver: the examples of RFC 6455, a table of violations, and bytes cut anywhere.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::websocket::CloseCode;
use crate::websocket::frame::Mask;
use crate::websocket::sender::write_header;

const LIMITS: WebSocketLimits = WebSocketLimits { max_message: 100_000, max_frame: 70_000 };
const MASK: Mask = [0x37, 0xfa, 0x21, 0x3d];

const TEXT: Opcode = Opcode::Message(MessageKind::Text);
const BINARY: Opcode = Opcode::Message(MessageKind::Binary);
const CLOSE: Opcode = Opcode::Control(ControlKind::Close);
const PING: Opcode = Opcode::Control(ControlKind::Ping);
const PONG: Opcode = Opcode::Control(ControlKind::Pong);

/// An owned [`WebSocketMessage`].
#[derive(Debug, Clone, PartialEq)]
enum Got {
    Text(String),
    UncheckedText(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<WebSocketMessage<'_>> for Got {
    fn from(incoming: WebSocketMessage<'_>) -> Self {
        match incoming {
            WebSocketMessage::Text(text) => Self::Text(text.to_owned()),
            WebSocketMessage::UncheckedText(bytes) => Self::UncheckedText(bytes.to_owned()),
            WebSocketMessage::Binary(bytes) => Self::Binary(bytes.to_owned()),
            WebSocketMessage::Ping(bytes) => Self::Ping(bytes.to_owned()),
            WebSocketMessage::Pong(bytes) => Self::Pong(bytes.to_owned()),
            WebSocketMessage::Close(close) => {
                Self::Close(close.map(|close| (close.code.number(), close.reason.to_owned())))
            }
        }
    }
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

fn feed(
    receiver: &mut WebSocketReceiver,
    piece: &[u8],
    got: &mut Vec<Got>,
) -> Result<(), WebSocketFault> {
    let mut piece = piece.to_vec();
    let mut input = &mut piece[..];
    while let Some(incoming) = receiver.receive(&mut input)? {
        got.push(incoming.into());
    }
    assert!(input.is_empty(), "input is left over");
    Ok(())
}

/// The messages in these pieces, and the fault after them.
fn receive_pieces<'p>(
    role: WebSocketRole,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<Got>, Option<WebSocketFault>) {
    let mut receiver = WebSocketReceiver::new(role, LIMITS);
    let mut got = Vec::new();
    for piece in pieces {
        if let Err(fault) = feed(&mut receiver, piece, &mut got) {
            return (got, Some(fault));
        }
    }
    (got, None)
}

/// Like [`receive`], and checks that the result does not change when the bytes are cut in two
/// anywhere, or into single bytes.
fn receive(role: WebSocketRole, bytes: &[u8]) -> (Vec<Got>, Option<WebSocketFault>) {
    let outcome = receive_pieces(role, [bytes]);
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(receive_pieces(role, [front, back]), outcome, "cut at {cut}");
    }
    assert_eq!(receive_pieces(role, bytes.chunks(1)), outcome, "byte by byte");
    outcome
}

/// A client's frame.
fn frame(opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(&mut out, opcode, fin, payload.len(), Some(MASK));
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], MASK, 0);
    out
}

#[test]
fn the_examples_of_the_rfc_are_read_by_the_client() {
    let pong = Got::Pong(b"Hello".to_vec());
    let ping = Got::Ping(b"Hello".to_vec());
    let examples: [(&[u8], Got); 4] = [
        (b"\x81\x05Hello", text("Hello")),
        (b"\x01\x03Hel\x80\x02lo", text("Hello")),
        (b"\x89\x05Hello", ping),
        (b"\x8a\x05Hello", pong),
    ];
    for (bytes, message) in examples {
        assert_eq!(receive(WebSocketRole::Client, bytes), (vec![message], None));
    }
}

#[test]
fn the_long_examples_of_the_rfc_are_read_by_the_client() {
    for (header, len) in [
        (&b"\x82\x7e\x01\x00"[..], 256),
        (&b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], 65_536),
    ] {
        let payload = vec![b'*'; len];
        let bytes = [header, &payload].concat();
        let outcome = receive_pieces(WebSocketRole::Client, [&bytes[..]]);
        assert_eq!(outcome, (vec![Got::Binary(payload)], None));
        assert_eq!(receive_pieces(WebSocketRole::Client, bytes.chunks(11)), outcome);
    }
}

#[test]
fn the_masked_examples_of_the_rfc_are_read_by_the_server() {
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(receive(WebSocketRole::Server, hello), (vec![text("Hello")], None));
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(receive(WebSocketRole::Server, pong), (vec![Got::Pong(b"Hello".to_vec())], None));
}

#[test]
fn a_contiguous_message_is_returned_without_a_copy() {
    let mut bytes = frame(TEXT, true, b"Hello");
    let range = bytes.as_ptr_range();
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS);
    let mut input = &mut bytes[..];
    let Ok(Some(WebSocketMessage::Text(text))) = receiver.receive(&mut input) else {
        panic!("a text was sent")
    };
    assert_eq!(text, "Hello");
    assert!(range.contains(&text.as_ptr()));
}

#[test]
fn many_messages_in_one_input_come_in_their_order() {
    let bytes = [
        frame(TEXT, true, b"one"),
        frame(BINARY, true, b""),
        frame(PING, true, b"?"),
        frame(TEXT, true, "dreißig".as_bytes()),
    ];
    let messages =
        vec![text("one"), Got::Binary(Vec::new()), Got::Ping(b"?".to_vec()), text("dreißig")];
    assert_eq!(receive(WebSocketRole::Server, &bytes.concat()), (messages, None));
}

#[test]
fn control_frames_between_fragments_are_returned_at_once() {
    let bytes = [
        frame(TEXT, false, b"fir"),
        frame(PING, true, b"a"),
        frame(Opcode::Continuation, false, b""),
        frame(PONG, true, b"b"),
        frame(Opcode::Continuation, true, b"st"),
        frame(BINARY, true, b"second"),
    ];
    let messages = vec![
        Got::Ping(b"a".to_vec()),
        Got::Pong(b"b".to_vec()),
        text("first"),
        Got::Binary(b"second".to_vec()),
    ];
    assert_eq!(receive(WebSocketRole::Server, &bytes.concat()), (messages, None));
}

#[test]
fn after_a_close_nothing_is_read() {
    for (payload, close) in [
        (&b""[..], None),
        (b"\x03\xe8", Some((1000, String::new()))),
        (b"\x0f\xa0bye", Some((4000, "bye".to_owned()))),
    ] {
        let bytes = [frame(CLOSE, true, payload), vec![0xff; 20]].concat();
        assert_eq!(receive(WebSocketRole::Server, &bytes), (vec![Got::Close(close)], None));
    }
}

#[test]
fn a_close_interrupts_a_fragmented_message() {
    let bytes = [frame(TEXT, false, b"begun"), frame(CLOSE, true, b"")].concat();
    assert_eq!(receive(WebSocketRole::Server, &bytes), (vec![Got::Close(None)], None));
}

/// Bytes of a client, their fault and the close code.
fn violations() -> Vec<(&'static str, Vec<u8>, WebSocketFault, CloseCode)> {
    let protocol = CloseCode::PROTOCOL_ERROR;
    let invalid = CloseCode::INVALID_PAYLOAD;
    let too_big = CloseCode::MESSAGE_TOO_BIG;
    let nothing = "a continuation frame continues no message";
    let inside = "a message begins inside a fragmented message";
    let with_first = |first| [vec![first], frame(TEXT, true, b"x")[1..].to_vec()].concat();
    let big_frame = WebSocketFault::TooBig { what: "frame", announced: 70_001, limit: 70_000 };
    let big_message =
        WebSocketFault::TooBig { what: "message", announced: 100_001, limit: 100_000 };
    let fragments = [frame(BINARY, false, &[0; 60_000]), vec![0x80, 0xfe, 0x9c, 0x41, 1, 2, 3, 4]];
    vec![
        ("RSV1", with_first(0xc1), WebSocketFault::ReservedBits, protocol),
        ("RSV2", with_first(0xa1), WebSocketFault::ReservedBits, protocol),
        ("RSV3", with_first(0x91), WebSocketFault::ReservedBits, protocol),
        ("opcode 3", with_first(0x83), WebSocketFault::ReservedOpcode(3), protocol),
        ("opcode 7", with_first(0x87), WebSocketFault::ReservedOpcode(7), protocol),
        ("opcode 11", with_first(0x8b), WebSocketFault::ReservedOpcode(11), protocol),
        ("opcode 15", with_first(0x8f), WebSocketFault::ReservedOpcode(15), protocol),
        ("fragmented ping", frame(PING, false, b""), WebSocketFault::FragmentedControl, protocol),
        ("fragmented close", frame(CLOSE, false, b""), WebSocketFault::FragmentedControl, protocol),
        ("long ping", frame(PING, true, &[0; 126]), WebSocketFault::ControlTooLong, protocol),
        ("huge pong", vec![0x8a, 0xff], WebSocketFault::ControlTooLong, protocol),
        ("no mask", b"\x81\x05Hello".to_vec(), WebSocketFault::UnmaskedClientFrame, protocol),
        ("125 in two bytes", vec![0x82, 0xfe, 0, 125], WebSocketFault::InvalidLength, protocol),
        (
            "65535 in eight bytes",
            vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            WebSocketFault::InvalidLength,
            protocol,
        ),
        (
            "64 bits of length",
            vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
            WebSocketFault::InvalidLength,
            protocol,
        ),
        (
            "continuation of nothing",
            frame(Opcode::Continuation, true, b"x"),
            WebSocketFault::OutOfOrder(nothing),
            protocol,
        ),
        (
            "message in a message",
            [frame(TEXT, false, b"x"), frame(TEXT, true, b"y")].concat(),
            WebSocketFault::OutOfOrder(inside),
            protocol,
        ),
        ("half a close code", frame(CLOSE, true, b"\x03"), WebSocketFault::CloseCodeCut, protocol),
        (
            "close code 0",
            frame(CLOSE, true, b"\0\0"),
            WebSocketFault::InvalidCloseCode(0),
            protocol,
        ),
        (
            "close code 1005",
            frame(CLOSE, true, b"\x03\xed"),
            WebSocketFault::InvalidCloseCode(1005),
            protocol,
        ),
        ("close reason", frame(CLOSE, true, b"\x03\xe8\xff"), WebSocketFault::NotUtf8, invalid),
        ("text", frame(TEXT, true, b"\xce\xba\xe1\xbd\xff"), WebSocketFault::NotUtf8, invalid),
        (
            "text that ends in a character",
            frame(TEXT, true, b"\xce"),
            WebSocketFault::NotUtf8,
            invalid,
        ),
        (
            "fragmented text that ends in a character",
            [frame(TEXT, false, b"x"), frame(Opcode::Continuation, true, b"\xce")].concat(),
            WebSocketFault::NotUtf8,
            invalid,
        ),
        (
            "frame over the limit",
            vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71, 1, 2, 3, 4],
            big_frame,
            too_big,
        ),
        ("message over the limit", fragments.concat(), big_message, too_big),
    ]
}

#[test]
fn each_violation_has_its_close_code_after_the_message_before_it() {
    for (name, violation, fault, code) in violations() {
        let before = frame(TEXT, true, b"before");
        let after = frame(TEXT, true, b"after");
        let bytes = [before, violation, after].concat();
        let outcome = if bytes.len() < 1000 {
            receive(WebSocketRole::Server, &bytes)
        } else {
            receive_pieces(WebSocketRole::Server, [&bytes[..]])
        };
        assert_eq!(outcome, (vec![text("before")], Some(fault)), "{name}");
        assert_eq!(fault.close_code(), code, "{name}");
    }
}

#[test]
fn unchecked_text_may_be_any_bytes() {
    let bytes = [
        frame(TEXT, true, b"\xff"),
        frame(TEXT, false, b"\xc0"),
        frame(Opcode::Continuation, true, b"\x80"),
        frame(BINARY, true, b"\xff"),
    ];
    let unchecked = |bytes: &[u8]| Got::UncheckedText(bytes.to_vec());
    for piece in 1..10 {
        let mut receiver =
            WebSocketReceiver::new(WebSocketRole::Server, LIMITS).with_unchecked_text();
        let mut got = Vec::new();
        for bytes in bytes.concat().chunks(piece) {
            assert_eq!(feed(&mut receiver, bytes, &mut got), Ok(()));
        }
        let binary = Got::Binary(b"\xff".to_vec());
        assert_eq!(got, [unchecked(b"\xff"), unchecked(b"\xc0\x80"), binary]);
    }
}

#[test]
fn a_server_may_not_mask() {
    let outcome = receive(WebSocketRole::Client, &frame(TEXT, true, b"Hello"));
    assert_eq!(outcome, (vec![], Some(WebSocketFault::MaskedServerFrame)));
}

#[test]
fn a_fault_ends_the_connection() {
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS);
    let mut got = Vec::new();
    assert_eq!(feed(&mut receiver, b"\xff\xff", &mut got), Err(WebSocketFault::ReservedBits));
    assert!(receiver.is_closed());
    assert_eq!(feed(&mut receiver, &frame(TEXT, true, b"more"), &mut got), Ok(()));
    assert_eq!(got, []);
}

#[test]
fn text_that_cannot_become_utf8_is_refused_at_the_byte_that_shows_it() {
    let sequences: [&[u8]; 8] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90",
        b"\xce\xba\xff",
        b"\x80",
        b"\xc0",
        b"\xe0\x80",
        b"\xed\xa0",
        b"\xf5",
        b"abc\xf0\x9f\x8d\x41",
    ];
    for sequence in sequences {
        for fin in [false, true] {
            let payload = [sequence, &[b'.'; 40]].concat();
            let bytes = frame(TEXT, fin, &payload);
            let (decided, header) = (sequence.len(), bytes.len() - payload.len());
            let (before, after) = bytes.split_at(header + decided - 1);
            let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS);
            let mut got = Vec::new();
            for byte in before.chunks(1) {
                assert_eq!(feed(&mut receiver, byte, &mut got), Ok(()), "{sequence:x?}");
            }
            let refused = feed(&mut receiver, &after[..1], &mut got);
            assert_eq!(refused, Err(WebSocketFault::NotUtf8), "{sequence:x?}");
        }
    }
}

#[test]
fn a_fragment_that_is_not_utf8_is_refused_before_the_message_ends() {
    let bytes = [frame(TEXT, false, b"ab\xf4"), frame(Opcode::Continuation, false, b"\x90")];
    assert_eq!(
        receive(WebSocketRole::Server, &bytes.concat()),
        (vec![], Some(WebSocketFault::NotUtf8))
    );
}

#[test]
fn a_character_may_be_cut_by_fragments_and_control_frames() {
    let mut bytes = frame(TEXT, false, b"\xf0");
    for byte in [b"\x9f", b"\x8d", b"\x80"] {
        bytes.extend(frame(PING, true, b""));
        bytes.extend(frame(Opcode::Continuation, byte == b"\x80", byte));
    }
    let ping = Got::Ping(Vec::new());
    let messages = vec![ping.clone(), ping.clone(), ping, text("🍀")];
    assert_eq!(receive(WebSocketRole::Server, &bytes), (messages, None));
}

#[test]
fn a_big_message_in_single_bytes_takes_linear_time() {
    let limits = WebSocketLimits { max_message: 1 << 20, max_frame: 1 << 20 };
    let bytes = frame(TEXT, true, "ä".repeat(1 << 19).as_bytes());
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, limits);
    let mut got = Vec::new();
    let start = Instant::now();
    for byte in bytes.chunks(1) {
        assert_eq!(feed(&mut receiver, byte, &mut got), Ok(()));
    }
    assert_eq!(got.len(), 1);
    // Takes less than a second. Checking all earlier bytes each time would take minutes.
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn announced_lengths_are_not_allocated() {
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS);
    let bytes = frame(BINARY, true, &[7; 70_000]);
    assert_eq!(feed(&mut receiver, &bytes[..100], &mut Vec::new()), Ok(()));
    assert_eq!(receiver.message.data.len(), 86);
    assert!(receiver.message.data.capacity() < 200);
}

#[test]
fn memory_is_freed_after_a_message() {
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS);
    let mut got = Vec::new();
    let bytes = [frame(BINARY, true, &[7; 70_000]), frame(PING, true, b"cut")].concat();
    for piece in bytes.chunks(4096) {
        assert_eq!(feed(&mut receiver, piece, &mut got), Ok(()));
    }
    let ping = frame(PING, true, b"cut");
    assert_eq!(feed(&mut receiver, &ping[..7], &mut got), Ok(()));
    assert_eq!(feed(&mut receiver, &ping[7..], &mut got), Ok(()));
    assert_eq!(got.len(), 3);
    assert_eq!((receiver.message.data.capacity(), receiver.control.capacity()), (0, 0));
}

/// A frame of a client and the message that it completes.
type Step = (Vec<u8>, Option<Got>);

fn control() -> impl Strategy<Value = Step> {
    (any::<bool>(), vec(any::<u8>(), 0..=125)).prop_map(|(ping, payload)| {
        let bytes = frame(if ping { PING } else { PONG }, true, &payload);
        (bytes, Some(if ping { Got::Ping(payload) } else { Got::Pong(payload) }))
    })
}

fn message() -> impl Strategy<Value = (Opcode, Vec<u8>, Got)> {
    prop_oneof![
        ".{0,200}".prop_map(|text| (TEXT, text.clone().into_bytes(), Got::Text(text))),
        vec(any::<u8>(), 0..200).prop_map(|bytes| (BINARY, bytes.clone(), Got::Binary(bytes))),
    ]
}

/// A message in fragments, with control frames between them.
fn fragmented() -> impl Strategy<Value = Vec<Step>> {
    let between = vec((1_usize..100, proptest::option::of(control())), 0..4);
    (message(), between).prop_map(|((mut opcode, payload, got), between)| {
        let mut rest = &payload[..];
        let mut steps = Vec::new();
        for (len, control) in between {
            let (fragment, after) = rest.split_at(len.min(rest.len()));
            steps.push((frame(opcode, false, fragment), None));
            steps.extend(control);
            (opcode, rest) = (Opcode::Continuation, after);
        }
        steps.push((frame(opcode, true, rest), Some(got)));
        steps
    })
}

/// Cuts `bytes` into pieces of these lengths, over and over.
fn cut<'b>(mut bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for &len in lengths.iter().cycle() {
        let (piece, rest) = bytes.split_at(len.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
        if bytes.is_empty() {
            break;
        }
    }
    pieces
}

/// Bytes that often form frames: likely first and second bytes, a zero mask, likely text.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let near = prop_oneof![
        4 => (
            prop_oneof![Just(0x81_u8), Just(0x01), Just(0x00), Just(0x80), Just(0x88), Just(0x89)],
            prop_oneof![4 => vec(any::<u8>(), 0..8), 4 => "\\PC{0,4}".prop_map(String::into_bytes)],
        )
            .prop_map(|(first, payload)| {
                [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], &payload].concat()
            }),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(near, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_messages_arrive_however_their_bytes_are_cut(
        messages in vec(fragmented(), 0..6),
        lengths in vec(1_usize..300, 1..10),
    ) {
        let (frames, got): (Vec<_>, Vec<_>) = messages.concat().into_iter().unzip();
        let got: Vec<_> = got.into_iter().flatten().collect();
        let pieces = frames.concat();
        prop_assert_eq!(receive_pieces(WebSocketRole::Server, cut(&pieces, &lengths)), (got, None));
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(
        bytes in nearly_frames(),
        lengths in vec(1_usize..20, 1..5),
    ) {
        for role in [WebSocketRole::Server, WebSocketRole::Client] {
            let outcome = receive_pieces(role, [&bytes[..]]);
            prop_assert_eq!(receive_pieces(role, cut(&bytes, &lengths)), outcome);
        }
    }
}
