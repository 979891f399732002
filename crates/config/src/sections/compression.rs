//! The compression of WebSocket connections: permessage-deflate (RFC 7692).

use cloverleaf_wamp::websocket::deflate::{DeflateOptions, MemoryLevel, WindowBits};

use crate::options::keys;
use crate::section::{Section, SectionKeys};

pub(crate) static COMPRESSION: SectionKeys = SectionKeys::open("a compression", &[DEFLATE_KEY]);

pub(crate) static DEFLATE: SectionKeys =
    SectionKeys::open("a deflate compression", DeflateKeys::ALL);

const DEFLATE_KEY: &str = "deflate";

keys! {
    /// The keys of a deflate compression.
    const KEYS: DeflateKeys = {
        request_no_context_takeover,
        request_max_window_bits,
        no_context_takeover,
        max_window_bits,
        memory_level,
    };
}

/// Reads the compression. Without the key `deflate`, messages are not compressed.
pub(crate) fn compression(
    options: &mut Section<'_>,
    key: &'static str,
    _: Option<DeflateOptions>,
) -> Option<DeflateOptions> {
    let mut section = options.section(key, &COMPRESSION)?;
    let deflate = section.section(DEFLATE_KEY, &DEFLATE).map(deflate);
    section.finish();
    deflate
}

fn deflate(mut section: Section<'_>) -> DeflateOptions {
    let s = &mut section;
    let options = DeflateOptions {
        request_no_context_takeover: s.flag(KEYS.request_no_context_takeover, false),
        request_max_window_bits: window_bits(s, KEYS.request_max_window_bits),
        no_context_takeover: s
            .non_null(KEYS.no_context_takeover)
            .and_then(|field| field.flag())
            .unwrap_or(false),
        max_window_bits: window_bits(s, KEYS.max_window_bits),
        memory_level: s
            .non_null(KEYS.memory_level)
            .and_then(|field| field.number(&(1..=9_u8)))
            .and_then(MemoryLevel::new)
            .unwrap_or_default(),
        every_message: false,
    };
    section.finish();
    options
}

/// 8 to 15; 0 leaves the choice to the peer.
fn window_bits(section: &mut Section<'_>, key: &'static str) -> Option<WindowBits> {
    let field = section.non_null(key)?;
    match field.number(&(0..=15_u8))? {
        0 => None,
        bits => {
            WindowBits::new(bits).or_else(|| field.expected("0 or a whole number from 8 to 15"))
        }
    }
}
