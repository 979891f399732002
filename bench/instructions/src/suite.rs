//! All cases.

use super::{Cases, codec, http, index, realm, transcoding, validation};

/// Every case.
pub fn cases() -> Cases {
    let mut cases = Cases::new();
    codec::add(&mut cases);
    transcoding::add(&mut cases);
    index::add(&mut cases);
    realm::add(&mut cases);
    http::add(&mut cases);
    validation::add(&mut cases);
    cases
}

#[cfg(test)]
mod tests {
    use super::cases;
    use crate::Cases;

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
    fn six_messages_in_four_serializers_are_decoded() {
        run_once("decode/", 6 * 4);
    }

    /// The seventh case is an event that is encoded again.
    #[test]
    fn six_messages_in_four_serializers_are_encoded() {
        run_once("encode/", 7 * 4);
    }

    #[test]
    fn a_value_is_transcoded_between_all_serializers() {
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
    fn a_payload_is_validated() {
        run_once("validate/", 1);
    }

    #[test]
    fn these_tests_run_all_cases() {
        let groups = ["decode/", "encode/", "transcode/", "index/", "realm/", "http/", "validate/"];
        let of_no_group = |name: &String| !groups.iter().any(|group| name.starts_with(group));
        assert_eq!(cases().into_keys().find(of_no_group), None);
    }
}
