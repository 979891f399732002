//! The compression of WebSocket connections: permessage-deflate (RFC 7692).

use cloverleaf_wamp::websocket::deflate::{MemoryLevel, WindowBits, Wishes};

use crate::field::Field;
use crate::section::Section;

/// Reads the key `compression`. Nothing is compressed unless it has the key `deflate`.
pub(super) fn compression(options: &mut Section<'_>) -> Option<Wishes> {
    let mut section = options.section("compression", "a compression")?;
    let deflate = section.section("deflate", "a deflate compression").map(wishes);
    section.finish();
    deflate
}

fn wishes(mut section: Section<'_>) -> Wishes {
    let s = &mut section;
    let wishes = Wishes {
        request_no_context_takeover: s.flag("request_no_context_takeover", false),
        request_max_window_bits: window_bits(s, "request_max_window_bits"),
        no_context_takeover: given(s, "no_context_takeover")
            .and_then(|field| field.flag())
            .unwrap_or(false),
        max_window_bits: window_bits(s, "max_window_bits"),
        memory_level: given(s, "memory_level")
            .and_then(|field| field.number(&(1..=9_u8)))
            .and_then(MemoryLevel::new)
            .unwrap_or_default(),
        every_message: false,
    };
    section.finish();
    wishes
}

/// The value of a key that is there and not null.
fn given<'a>(section: &mut Section<'a>, key: &'static str) -> Option<Field<'a>> {
    section.optional(key).filter(|field| !field.is_null())
}

/// 8 to 15, or 0 for whatever the peer wants.
fn window_bits(section: &mut Section<'_>, key: &'static str) -> Option<WindowBits> {
    let field = given(section, key)?;
    match field.number(&(0..=15_u8))? {
        0 => None,
        bits => {
            WindowBits::new(bits).or_else(|| field.expected("0 or a whole number from 8 to 15"))
        }
    }
}
