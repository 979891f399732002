//! Times what a router does with each message, with Cloverleaf's codecs and with crates.
//!
//! Decoding reads the head of CALL and PUBLISH and leaves the payload as bytes. Encoding writes
//! INVOCATION, RESULT and EVENT around such a payload. All competitors of a row work on the same
//! bytes and take turns; a row shows the fastest round of each. With `--run NAME COMPETITOR N` one
//! piece of work is done N times, for a profiler.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cloverleaf_wamp::serializer::Serializer;

mod cbor;
mod json;
mod ours;
mod rmp_low;
mod rmp_tree;
mod sample;

use sample::{Details, SharedEvent};

/// The time of one measurement: short, so that some are not interrupted by other processes.
const SLICE: Duration = Duration::from_micros(200);

/// The measurements of each competitor.
const ROUNDS: usize = 500;

const OURS: &str = "cloverleaf";

/// Does one piece of work this number of times.
type Work = Box<dyn FnMut(u64)>;

/// Competitors by the name of their row.
#[derive(Default)]
struct Rows(Vec<(String, Vec<(&'static str, Work)>)>);

impl Rows {
    fn row(&mut self, name: String) -> Row<'_> {
        self.0.push((name, Vec::new()));
        Row(&mut self.0.last_mut().expect("just added").1)
    }
}

/// The competitors of one row, the own codec first.
struct Row<'r>(&'r mut Vec<(&'static str, Work)>);

impl Row<'_> {
    fn decode<T, E>(
        self,
        name: &'static str,
        mut decode: impl FnMut() -> Result<T, E> + 'static,
    ) -> Self {
        assert!(decode().is_ok(), "{name} decodes the message");
        self.0.push((
            name,
            Box::new(move |times| {
                for _ in 0..times {
                    drop(black_box(decode()));
                }
            }),
        ));
        self
    }

    /// All competitors must write `expected`.
    fn encode(
        self,
        name: &'static str,
        expected: &[u8],
        mut encode: impl FnMut(&mut Vec<u8>) + 'static,
    ) -> Self {
        let mut out = Vec::with_capacity(4096);
        encode(&mut out);
        assert_eq!(out, expected, "{name} writes the same message");
        self.0.push((
            name,
            Box::new(move |times| {
                for _ in 0..times {
                    out.clear();
                    encode(&mut out);
                    black_box(&out);
                }
            }),
        ));
        self
    }
}

fn main() {
    let mut rows = Rows::default();
    for (size, payload) in sample::payloads() {
        for (message, frame) in [
            ("CALL", format!(r#"[48,{},{{}},"com.example.add2",{payload}]"#, sample::REQUEST)),
            (
                "PUBLISH",
                format!(
                    r#"[16,{},{{"acknowledge":true}},"com.example.sums",{payload}]"#,
                    sample::REQUEST
                ),
            ),
        ] {
            add_decoding(&mut rows, &format!("{message}, {size}"), &frame);
        }
        add_encoding(&mut rows, size, &payload);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => print(&mut rows),
        ["--run", name, competitor, times] => {
            let times = times.parse().expect("a number");
            let (_, competitors) =
                rows.0.iter_mut().find(|(row, _)| row == name).expect("the name of a row");
            let (_, work) =
                competitors.iter_mut().find(|(who, _)| *who == competitor).expect("a competitor");
            work(times);
        }
        _ => eprintln!("usage: cloverleaf-codecs [--run NAME COMPETITOR N]"),
    }
}

fn add_decoding(rows: &mut Rows, name: &str, frame: &str) {
    use Serializer::{Cbor, Json, MsgPack};
    let [json, msgpack, cbor] =
        [Json, MsgPack, Cbor].map(|serializer| sample::in_format(serializer, frame));
    let clone = Bytes::clone;
    let (ours, theirs) = (clone(&json), clone(&json));
    rows.row(format!("decode json {name}"))
        .decode(OURS, move || ours::decode(Json, &ours))
        .decode("serde_json RawValue", move || json::decode(&theirs));
    let (ours, theirs, tree) = (clone(&msgpack), clone(&msgpack), clone(&msgpack));
    rows.row(format!("decode msgpack {name}"))
        .decode(OURS, move || ours::decode(MsgPack, &ours))
        .decode("rmp", move || rmp_low::decode(&theirs))
        .decode("rmp-serde Value", move || rmp_tree::decode(&tree));
    let (ours, theirs) = (clone(&cbor), clone(&cbor));
    rows.row(format!("decode cbor {name}"))
        .decode(OURS, move || ours::decode(Cbor, &ours))
        .decode("minicbor", move || cbor::decode(&theirs));
}

fn add_encoding(rows: &mut Rows, size: &str, payload: &str) {
    use Serializer::{Cbor, Json, MsgPack};
    for message in ["INVOCATION", "RESULT", "EVENT"] {
        let name = |format| format!("encode {format} {message}, {size}");

        let expected = written(ours_writes(Json, message, payload));
        let args = json::raw(payload);
        let encode = match message {
            "INVOCATION" => json::invocation,
            "RESULT" => json::result,
            _ => json::event,
        };
        let theirs = theirs_writes(message, payload.len(), move |details, out| {
            encode(details, &args, out);
        });
        rows.row(name("json")).encode(OURS, &expected, ours_writes(Json, message, payload)).encode(
            "serde_json RawValue",
            &expected,
            theirs,
        );

        let expected = written(ours_writes(MsgPack, message, payload));
        let args = sample::in_format(MsgPack, payload);
        let tree = rmp_tree::value(&args);
        let encode = match message {
            "INVOCATION" => rmp_low::invocation,
            "RESULT" => rmp_low::result,
            _ => rmp_low::event,
        };
        let encode_tree = match message {
            "INVOCATION" => rmp_tree::invocation,
            "RESULT" => rmp_tree::result,
            _ => rmp_tree::event,
        };
        let length = args.len();
        let theirs = theirs_writes(message, length, move |details, out| {
            encode(details, &args, out);
        });
        let with_tree = theirs_writes(message, length, move |details, out| {
            encode_tree(details, &tree, out);
        });
        rows.row(name("msgpack"))
            .encode(OURS, &expected, ours_writes(MsgPack, message, payload))
            .encode("rmp", &expected, theirs)
            .encode("rmp-serde Value", &expected, with_tree);

        let expected = written(ours_writes(Cbor, message, payload));
        let args = sample::in_format(Cbor, payload);
        let encode = match message {
            "INVOCATION" => cbor::invocation,
            "RESULT" => cbor::result,
            _ => cbor::event,
        };
        let theirs = theirs_writes(message, args.len(), move |details, out| {
            encode(details, &args, out);
        });
        rows.row(name("cbor"))
            .encode(OURS, &expected, ours_writes(Cbor, message, payload))
            .encode("minicbor", &expected, theirs);
    }
}

/// Writes a message with a crate. An event is shared, as ours is.
fn theirs_writes(
    message: &'static str,
    payload: usize,
    encode: impl Fn(&Details, &mut Vec<u8>) + 'static,
) -> impl FnMut(&mut Vec<u8>) + 'static {
    let details = Details::default();
    move |out| match message {
        "EVENT" => {
            let event = Arc::new(SharedEvent::default());
            event.write(64 + payload, out, &encode);
        }
        _ => encode(&details, out),
    }
}

fn ours_writes(
    serializer: Serializer,
    message: &'static str,
    payload: &str,
) -> impl FnMut(&mut Vec<u8>) + 'static {
    let call = format!(r#"[48,1,{{}},"a",{payload}]"#);
    let payload = ours::payload(serializer, &sample::in_format(serializer, &call));
    let kept = match message {
        "INVOCATION" => Some(ours::invocation(payload.clone())),
        "RESULT" => Some(ours::result(payload.clone())),
        _ => None,
    };
    move |out| match &kept {
        Some(message) => ours::encode(message, serializer, out),
        None => ours::encode(&ours::event(payload.clone()), serializer, out),
    }
}

fn written(mut write: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// Prints each row: nanoseconds per message, and the ratio to ours.
fn print(rows: &mut Rows) {
    println!("{:<38} {:>10}  others: ns, times ours", "ns per message", OURS);
    let mut ratios: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, competitors) in &mut rows.0 {
        let times: Vec<u64> = competitors.iter_mut().map(|(_, work)| times_of(work)).collect();
        let mut rounds = vec![Vec::new(); competitors.len()];
        for _ in 0..ROUNDS {
            for (place, (_, work)) in competitors.iter_mut().enumerate() {
                let began = Instant::now();
                work(times[place]);
                rounds[place].push(began.elapsed().as_nanos() as f64 / times[place] as f64);
            }
        }
        let fastest: Vec<f64> = rounds
            .iter()
            .map(|times| times.iter().copied().fold(f64::INFINITY, f64::min))
            .collect();
        print!("{name:<38} {:>10.1}", fastest[0]);
        for ((who, _), time) in competitors.iter().zip(&fastest).skip(1) {
            let ratio = time / fastest[0];
            print!("  {who} {time:.1} ({ratio:.2})");
            ratios.entry(who).or_default().push(ratio);
        }
        println!();
    }
    for (who, ratios) in ratios {
        let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        println!(
            "{who}: {:.2} times ours (geometric mean)",
            (logarithms / ratios.len() as f64).exp()
        );
    }
}

/// The number of repetitions of a piece of work that take about [`SLICE`].
fn times_of(work: &mut Work) -> u64 {
    let mut times = 1_000;
    loop {
        let began = Instant::now();
        work(times);
        let taken = began.elapsed();
        if taken >= SLICE / 4 {
            let scale = SLICE.as_secs_f64() / taken.as_secs_f64();
            return ((times as f64 * scale) as u64).max(1);
        }
        times *= 4;
    }
}
