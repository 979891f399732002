//! Offers and answers.

use super::super::negotiation::{DeflateOptions, negotiate};
use super::super::{MemoryLevel, WindowBits};
use crate::websocket::handshake::server::HandshakeFault;

/// The answer to the lines of a header. `None` if every offer is declined.
fn answer(lines: &[&str], wishes: &DeflateOptions) -> Result<Option<String>, HandshakeFault> {
    let agreement = negotiate(lines.iter().map(|line| line.as_bytes()), wishes)?;
    Ok(agreement.map(|agreement| agreement.to_string()))
}

fn to(offer: &str, wishes: &DeflateOptions) -> Option<String> {
    answer(&[offer], wishes).expect("a list of extensions")
}

fn bits(bits: u8) -> Option<WindowBits> {
    Some(WindowBits::new(bits).expect("8 to 15"))
}

const NAME: &str = "permessage-deflate";

#[test]
fn a_server_with_default_settings_grants_exactly_the_offer() {
    for (offer, granted) in [
        ("", ""),
        ("; server_no_context_takeover", "; server_no_context_takeover"),
        ("; client_no_context_takeover", ""),
        ("; server_max_window_bits=15", "; server_max_window_bits=15"),
        ("; server_max_window_bits=10", "; server_max_window_bits=10"),
        ("; server_max_window_bits=8", "; server_max_window_bits=8"),
        ("; server_max_window_bits=\"12\"", "; server_max_window_bits=12"),
        ("; server_max_window_bits=\"1\\2\"", "; server_max_window_bits=12"),
        ("; client_max_window_bits", ""),
        ("; client_max_window_bits=9", ""),
        (
            " ;client_max_window_bits;\tserver_max_window_bits = 9 ; server_no_context_takeover",
            "; server_no_context_takeover; server_max_window_bits=9",
        ),
    ] {
        let answer = to(&format!("{NAME}{offer}"), &DeflateOptions::default());
        assert_eq!(answer, Some(format!("{NAME}{granted}")), "to '{offer}'");
    }
}

#[test]
fn the_settings_of_a_server_appear_in_its_answer() {
    let wishes = DeflateOptions {
        request_no_context_takeover: true,
        request_max_window_bits: bits(11),
        no_context_takeover: true,
        max_window_bits: bits(12),
        memory_level: MemoryLevel::default(),
        every_message: false,
    };
    for (offer, server, client) in [
        ("; client_max_window_bits", 12, 11),
        ("; client_max_window_bits=10", 12, 10),
        ("; client_max_window_bits=15", 12, 11),
        ("; client_max_window_bits; server_max_window_bits=14", 12, 11),
        ("; client_max_window_bits; server_max_window_bits=9", 9, 11),
    ] {
        let expected = format!(
            "{NAME}; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits={server}; client_max_window_bits={client}"
        );
        assert_eq!(to(&format!("{NAME}{offer}"), &wishes), Some(expected), "to '{offer}'");
    }
}

#[test]
fn a_client_without_window_negotiation_gets_no_compression() {
    let wishes = DeflateOptions { request_max_window_bits: bits(9), ..DeflateOptions::default() };
    assert_eq!(to(NAME, &wishes), None);
}

#[test]
fn an_unacceptable_offer_is_declined_without_failing_the_handshake() {
    for parameters in [
        "unknown",
        "server_no_context_takeover=true",
        "client_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=010",
        "server_max_window_bits=1000",
        "server_max_window_bits=x",
        "server_max_window_bits=9; server_max_window_bits=9",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=+9",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=9",
        "Server_No_Context_Takeover",
    ] {
        assert_eq!(
            to(&format!("{NAME}; {parameters}"), &DeflateOptions::default()),
            None,
            "{parameters}"
        );
    }
    for other in ["", ",", "x-webkit-deflate-frame", "permessage-bzip2; max_compress_level=9"] {
        assert_eq!(to(other, &DeflateOptions::default()), None, "{other}");
    }
}

#[test]
fn the_first_acceptable_offer_is_accepted() {
    let wishes = DeflateOptions { request_max_window_bits: bits(10), ..DeflateOptions::default() };
    for lines in [
        &["permessage-deflate, permessage-deflate; client_max_window_bits"][..],
        &["permessage-deflate", "permessage-deflate; client_max_window_bits"],
        &["x, permessage-deflate; client_max_window_bits; y=1,, permessage-deflate; \
           client_max_window_bits, permessage-deflate; client_max_window_bits=9"],
    ] {
        let expected = Some("permessage-deflate; client_max_window_bits=10".to_owned());
        assert_eq!(answer(lines, &wishes), Ok(expected), "to {lines:?}");
    }
    assert_eq!(answer(&[], &wishes), Ok(None));
}

#[test]
fn a_malformed_extension_list_is_rejected_even_after_an_accepted_offer() {
    for header in [
        ";",
        "=",
        "permessage-deflate;",
        "permessage-deflate; =9",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"9",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"9\\",
        "permessage-deflate; server_max_window_bits=\"9 \"",
        "permessage-deflate; server_max_window_bits=9 9",
        "permessage-deflate permessage-deflate",
        "permessage-deflate, \u{e9}",
        "permessage-deflate, x; \"y\"",
    ] {
        for lines in [&[header][..], &[NAME, header]] {
            let fault = Err(HandshakeFault::Extensions);
            assert_eq!(answer(lines, &DeflateOptions::default()), fault, "{header}");
        }
    }
}
