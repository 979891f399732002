//! Pieces of the router's work, to be counted under callgrind: each does the same thing many times.
//! No clock and no socket. It names the router and what stands on it, which the load and the
//! yardsticks of `cloverleaf-bench` must not; so it is a package of its own.
//!
//! The work of a case runs inside `measure`, and nothing else is counted; what it needs is made
//! before, and whether it gave the right result is looked at afterwards. See "Instruction
//! counts" in `docs/performance.md`.
//!
//! | room | what it is for |
//! |---|---|
//! | `codec` | messages from bytes and to bytes |
//! | `transcoding` | a value from one serializer to another |
//! | `index` | which entry matches a URI |
//! | `realm` | calls and publications through a realm |
//! | `http` | calls over HTTP |

use std::collections::BTreeMap;
use std::hint::black_box;

mod codec;
mod http;
mod index;
mod realm;
mod transcoding;

/// Does its work so many times.
///
/// # Panics
/// When the work gave a wrong result.
pub type Case = Box<dyn Fn(usize)>;

/// Cases by name, such as `decode/call/json`.
pub type Cases = BTreeMap<String, Case>;

/// Every case.
pub fn cases() -> Cases {
    let mut cases = Cases::new();
    codec::add(&mut cases);
    transcoding::add(&mut cases);
    index::add(&mut cases);
    realm::add(&mut cases);
    http::add(&mut cases);
    cases
}

/// Does `round` once with each input, and counts that. To come from one round to the next takes a
/// few instructions, and to move the input some more.
fn measure<I>(inputs: Vec<I>, mut round: impl FnMut(I)) {
    let mut inputs = inputs.into_iter();
    measured(black_box(&mut || inputs.next().map(|input| round(black_box(input))).is_some()));
}

/// What it does is counted; callgrind finds it by its name, so there is but one of it.
#[inline(never)]
fn measured(next_round: &mut dyn FnMut() -> bool) {
    while next_round() {}
}

#[cfg(test)]
mod tests {
    use super::{Cases, cases};

    fn of(group: &str) -> Cases {
        let mut cases = cases();
        cases.retain(|name, _| name.starts_with(group));
        cases
    }

    fn run_once(group: &str, expected: usize) {
        let cases = of(group);
        assert_eq!(cases.len(), expected);
        for case in cases.values() {
            case(1);
        }
    }

    #[test]
    fn six_messages_in_four_serializers_are_decoded_as_they_were_written() {
        run_once("decode/", 6 * 4);
    }

    /// An event that was written before is a seventh.
    #[test]
    fn six_messages_in_four_serializers_are_encoded_as_they_were_read() {
        run_once("encode/", 7 * 4);
    }

    #[test]
    fn a_value_goes_from_each_serializer_to_all_others() {
        run_once("transcode/", 4 * 3);
    }

    #[test]
    fn a_uri_is_found_among_a_million() {
        run_once("index/exact/", 3);
    }

    #[test]
    fn a_prefix_is_found_among_a_million_and_at_any_depth() {
        run_once("index/prefix/", 3);
        run_once("index/prefix-depth/", 3);
    }

    #[test]
    fn a_wildcard_is_found_among_a_million_and_at_any_depth() {
        run_once("index/wildcard/", 3);
        run_once("index/wildcard-depth/", 3);
    }

    #[test]
    fn calls_and_publications_go_through_a_realm() {
        run_once("realm/", 4);
    }

    #[test]
    fn a_call_over_http_is_read_answered_and_written() {
        run_once("http/", 3);
    }

    #[test]
    fn no_case_is_left_out_of_these_tests() {
        let groups = ["decode/", "encode/", "transcode/", "index/", "realm/", "http/"];
        let of_no_group = |name: &String| !groups.iter().any(|group| name.starts_with(group));
        assert_eq!(cases().into_keys().find(of_no_group), None);
    }
}
