//! A kilobyte of arguments from one serializer to another: the extra cost of a call whose caller
//! and callee use different ones.

use std::hint::black_box;

use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::serializer::Serializer;

use super::codec::in_format;
use super::{Cases, measure};

/// Length of the arguments in JSON, in bytes.
const LENGTH: usize = 1024;

/// One record of the list of arguments.
const RECORD: &str = r#"{"id":48613,"name":"Grüner Klee","price":12.75,"tags":["a","b"],"left":-3,"sold":false,"note":null}"#;

pub(super) fn add(cases: &mut Cases) {
    for from in Serializer::DEFAULT {
        for to in Serializer::DEFAULT.into_iter().filter(|to| *to != from) {
            let run = move |rounds| run(from, to, rounds);
            cases.insert(format!("transcode/{from}-to-{to}"), Box::new(run));
        }
    }
}

/// Records, and a text that fills the rest of the length.
fn arguments() -> String {
    let records = [RECORD; 9].join(",");
    let rest = LENGTH - records.len() - r#"[,""]"#.len();
    format!(r#"[{records},"{}"]"#, "x".repeat(rest))
}

fn run(from: Serializer, to: Serializer, rounds: usize) {
    let (value, expected) = (in_format(from, &arguments()), in_format(to, &arguments()));
    let mut out = Vec::with_capacity(2 * LENGTH);
    measure(vec![value.as_slice(); rounds], |value| {
        out.clear();
        transcode(from, value, to, &mut out).expect("a valid value");
        black_box(&out);
    });
    assert_eq!(out, expected);
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, arguments};

    #[test]
    fn the_arguments_have_the_stated_length() {
        assert_eq!(arguments().len(), LENGTH);
    }
}
