//! The options of WebSocket connections.

use std::ops::RangeInclusive;
use std::time::Duration;

use cloverleaf_wamp::websocket::deflate::DeflateOptions;

use super::compression::compression;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static WEBSOCKET_OPTIONS: SectionKeys =
    SectionKeys::closed("websocket options", &[ENABLE_HYBI10, ENABLE_FLASH_POLICY, FLASH_POLICY])
        .with(&[WebSocketSettings::KEYS]);

options! {
    /// The options of WebSocket connections (RFC 6455). Times and sizes that are 0 in the file are
    /// none here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WebSocketSettings {
        /// The origins of web pages that may connect. `*` stands for any text, also within an
        /// origin.
        allowed_origins: Vec<String> = vec!["*".to_owned()], Section::texts;
        /// Whether pages with the origin `null` may connect.
        allow_null_origin: bool = true, Section::flag;
        /// The port that clients see, if it is not that of the endpoint.
        external_port: Option<u16> = None, external_port;
        /// Whether WebSocket connections are accepted.
        enable_rfc6455: bool = true, Section::flag;
        /// The timeout of the opening handshake.
        open_handshake_timeout as OPEN_HANDSHAKE_TIMEOUT: Option<Duration> = None, milliseconds;
        /// The timeout of the closing handshake.
        close_handshake_timeout: Option<Duration> = None, milliseconds;
        /// Whether a plain GET is answered with a page about the service.
        enable_webstatus: bool = true, Section::flag;
        /// Whether text messages must be UTF-8.
        validate_utf8: bool = true, Section::flag;
        /// Whether frames from the server are masked.
        mask_server_frames: bool = false, Section::flag;
        /// Whether frames from clients must be masked.
        require_masked_client_frames: bool = true, Section::flag;
        /// Whether masks are applied to payloads.
        apply_mask: bool = true, Section::flag;
        /// The longest frame, in bytes.
        max_frame_size: Option<u32> = None, size_up_to;
        /// The longest message, in bytes.
        max_message_size as MESSAGE_SIZE: Option<u32> = None, size;
        /// The size of the frames that messages are split into, in bytes.
        auto_fragment_size: Option<u32> = None, size_up_to;
        /// Whether the connection is dropped at once after a violation of the protocol.
        fail_by_drop: bool = false, Section::flag;
        /// Whether the close code and reason of the peer are echoed.
        echo_close_codereason: bool = false, Section::flag;
        /// Whether small segments are sent at once (`TCP_NODELAY`).
        tcp_nodelay: bool = true, Section::flag;
        /// The interval between two pings.
        auto_ping_interval: Option<Duration> = None, milliseconds;
        /// The timeout of the answer to a ping.
        auto_ping_timeout: Option<Duration> = None, milliseconds;
        /// The size of a ping's payload, in bytes: 12 to 125.
        auto_ping_size: u8 = 12, ping_size;
        /// Whether any received data counts as an answer to a ping.
        auto_ping_restart_on_any_traffic: bool = true, Section::flag;
        /// Whether clients must ask for a WAMP subprotocol.
        require_websocket_subprotocol: bool = true, Section::flag;
        /// Whether clients see the name and version of the server. None: in WELCOME, but not in the
        /// answer to the handshake.
        show_server_version: Option<bool> = None, optional_flag;
        /// The parameters of permessage-deflate (RFC 7692); none: messages are not compressed.
        compression: Option<DeflateOptions> = None, compression;
    }
}

/// The largest frame or message that may be configured, in bytes.
pub(crate) const MAX_MESSAGE_SIZE: u32 = 64 * 1024 * 1024;

/// The least time in milliseconds. A shorter one was probably meant in seconds.
const MIN_MILLISECONDS: u32 = 1_000;

/// The sizes of pings, in bytes: from what distinguishes pings to the longest control frame (RFC
/// 6455, section 5.5).
const PING_SIZES: RangeInclusive<u8> = 12..=125;

/// The options that a connecting transport acts on.
const CONNECTING_KEYS: [&str; 1] = [MESSAGE_SIZE];

const OPEN_HANDSHAKE_TIMEOUT: &str = "open_handshake_timeout";
const MESSAGE_SIZE: &str = "max_message_size";
const ENABLE_HYBI10: &str = "enable_hybi10";
const ENABLE_FLASH_POLICY: &str = "enable_flash_policy";
const FLASH_POLICY: &str = "flash_policy";

/// The transport that has the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebSocketUse {
    /// A transport that speaks only WebSocket.
    Listener,
    /// A service at a path of a web transport.
    Service,
    /// A transport that connects.
    Connecting,
}

/// Reads the options of a WebSocket transport or service.
pub(crate) fn options(
    transport: &mut Section<'_>,
    key: &'static str,
    use_of: WebSocketUse,
) -> WebSocketSettings {
    let Some(mut section) = transport.section(key, &WEBSOCKET_OPTIONS) else {
        return WebSocketSettings::default();
    };
    let options = WebSocketSettings::read(&mut section);
    match use_of {
        WebSocketUse::Connecting => {
            let keys = WebSocketSettings::KEYS.iter().filter(|key| !CONNECTING_KEYS.contains(key));
            keys.for_each(|key| section.has_no_effect(key, true));
        }
        WebSocketUse::Service => warn_of_handshake_timeout(&mut section, &options),
        WebSocketUse::Listener => {}
    }
    warn_of_obsolete(&mut section);
    section.finish();
    options
}

/// Warns that the handshake of a service has no timeout of its own.
fn warn_of_handshake_timeout(section: &mut Section<'_>, options: &WebSocketSettings) {
    if options.open_handshake_timeout.is_some()
        && let Some(field) = section.optional(OPEN_HANDSHAKE_TIMEOUT)
    {
        field.warn(
            "a service's handshake begins with its request, which 'client_timeout' of the web \
             transport bounds",
        );
    }
}

/// Warns about obsolete options that are set.
fn warn_of_obsolete(section: &mut Section<'_>) {
    section.accepted(&[FLASH_POLICY]);
    for (key, reason) in [
        (ENABLE_HYBI10, "the drafts before RFC 6455 are obsolete and not spoken"),
        (ENABLE_FLASH_POLICY, "there is no Flash any more, and no policy for it is served"),
    ] {
        let field = section.optional(key);
        if let Some(field) = field.filter(|field| field.flag() == Some(true)) {
            field.warn(reason);
        }
    }
}

fn optional_flag(section: &mut Section<'_>, key: &'static str, _: Option<bool>) -> Option<bool> {
    section.optional(key)?.flag()
}

/// A time in milliseconds; 0 is none.
fn milliseconds(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<Duration>,
) -> Option<Duration> {
    let field = section.optional(key)?;
    match field.number_up_to(&(0..=u32::MAX))? {
        0 => None,
        1..MIN_MILLISECONDS => field.expected("0 or at least 1000: the time is in milliseconds"),
        time => Some(Duration::from_millis(time.into())),
    }
}

/// A number of bytes; 0 is none.
fn size(section: &mut Section<'_>, key: &'static str, _: Option<u32>) -> Option<u32> {
    Some(section.number(key, &(0..=MAX_MESSAGE_SIZE), 0)).filter(|size| *size > 0)
}

/// A number of bytes that Crossbar.io does not limit; 0 is none.
fn size_up_to(section: &mut Section<'_>, key: &'static str, _: Option<u32>) -> Option<u32> {
    Some(section.number_up_to(key, &(0..=MAX_MESSAGE_SIZE), 0)).filter(|size| *size > 0)
}

/// The size of pings. Older versions of Crossbar.io accepted less than 12 bytes, and their template
/// of a configuration had 4.
fn ping_size(section: &mut Section<'_>, key: &'static str, default: u8) -> u8 {
    let Some(field) = section.optional(key) else { return default };
    let (least, most) = (*PING_SIZES.start(), *PING_SIZES.end());
    match field.number(&(0..=u8::MAX)) {
        Some(size) if size < least => {
            field.warn(format!("pings have at least {least} bytes: {least} is used"));
            least
        }
        Some(size) if size > most => {
            field.expected(&format!("a whole number from {least} to {most}")).unwrap_or(default)
        }
        size => size.unwrap_or(default),
    }
}

/// A port. As with Crossbar.io, 0 is none.
fn external_port(section: &mut Section<'_>, key: &'static str, _: Option<u16>) -> Option<u16> {
    section.non_null(key)?.number(&(0..=u16::MAX)).filter(|port| *port > 0)
}
