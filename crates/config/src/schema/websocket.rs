//! The options of WebSocket connections.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::compression::compression;
use crate::section::Section;
use crate::settings::WebSocketSettings;

/// The largest frame or message that may be configured, in bytes.
pub(super) const MAX_MESSAGE_SIZE: u32 = 64 * 1024 * 1024;

/// Times are given in milliseconds; shorter ones are taken for seconds given by mistake.
const MIN_MILLISECONDS: u32 = 1_000;

/// The sizes that a ping may have, in bytes: room for what tells pings apart, and the longest
/// control frame (RFC 6455, section 5.5).
const PING_SIZES: RangeInclusive<u8> = 12..=125;

/// Options that only a listening end acts on.
const OF_LISTENERS: [&str; 23] = [
    "allowed_origins",
    "allow_null_origin",
    "external_port",
    "enable_rfc6455",
    "open_handshake_timeout",
    "close_handshake_timeout",
    "enable_webstatus",
    "validate_utf8",
    "mask_server_frames",
    "require_masked_client_frames",
    "apply_mask",
    "max_frame_size",
    "auto_fragment_size",
    "fail_by_drop",
    "echo_close_codereason",
    "tcp_nodelay",
    "auto_ping_interval",
    "auto_ping_timeout",
    "auto_ping_size",
    "auto_ping_restart_on_any_traffic",
    "require_websocket_subprotocol",
    "show_server_version",
    "compression",
];

/// Whose options they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebSocketUse {
    /// A transport that speaks nothing else.
    Listener,
    /// A service at a path of a web transport.
    Service,
    /// A transport that connects.
    Connecting,
}

/// Reads the key `options` of a WebSocket transport or service.
pub(super) fn options(transport: &mut Section<'_>, owner: WebSocketUse) -> WebSocketSettings {
    let default = WebSocketSettings::default();
    let Some(mut section) = transport.section("options", "websocket options") else {
        return default;
    };
    let s = &mut section;
    let origins = s.optional("allowed_origins").and_then(|field| field.texts());
    let options = WebSocketSettings {
        allowed_origins: origins.unwrap_or(default.allowed_origins),
        allow_null_origin: s.flag("allow_null_origin", default.allow_null_origin),
        external_port: external_port(s),
        enable_rfc6455: s.flag("enable_rfc6455", default.enable_rfc6455),
        open_handshake_timeout: milliseconds(s, "open_handshake_timeout"),
        close_handshake_timeout: milliseconds(s, "close_handshake_timeout"),
        enable_webstatus: s.flag("enable_webstatus", default.enable_webstatus),
        validate_utf8: s.flag("validate_utf8", default.validate_utf8),
        mask_server_frames: s.flag("mask_server_frames", default.mask_server_frames),
        require_masked_client_frames: s
            .flag("require_masked_client_frames", default.require_masked_client_frames),
        apply_mask: s.flag("apply_mask", default.apply_mask),
        max_frame_size: size_up_to(s, "max_frame_size"),
        max_message_size: size(s, "max_message_size"),
        auto_fragment_size: size_up_to(s, "auto_fragment_size"),
        fail_by_drop: s.flag("fail_by_drop", default.fail_by_drop),
        echo_close_codereason: s.flag("echo_close_codereason", default.echo_close_codereason),
        tcp_nodelay: s.flag("tcp_nodelay", default.tcp_nodelay),
        auto_ping_interval: milliseconds(s, "auto_ping_interval"),
        auto_ping_timeout: milliseconds(s, "auto_ping_timeout"),
        auto_ping_size: ping_size(s, default.auto_ping_size),
        auto_ping_restart_on_any_traffic: s
            .flag("auto_ping_restart_on_any_traffic", default.auto_ping_restart_on_any_traffic),
        require_websocket_subprotocol: s
            .flag("require_websocket_subprotocol", default.require_websocket_subprotocol),
        show_server_version: s.optional("show_server_version").and_then(|field| field.flag()),
        compression: compression(s),
    };
    without_effect(s, owner, &options);
    section.finish();
    options
}

/// Says of each option that is given and not acted on that it is not.
fn without_effect(section: &mut Section<'_>, owner: WebSocketUse, options: &WebSocketSettings) {
    match owner {
        WebSocketUse::Connecting => {
            OF_LISTENERS.into_iter().for_each(|key| section.has_no_effect(key, true))
        }
        WebSocketUse::Service if options.open_handshake_timeout.is_some() => {
            let sentence = "a service's handshake begins with its request, \
                which 'client_timeout' of the web transport bounds";
            if let Some(field) = section.optional("open_handshake_timeout") {
                field.warn(sentence);
            }
        }
        WebSocketUse::Service | WebSocketUse::Listener => {}
    }
    let drafts = "the drafts before RFC 6455 are obsolete and not spoken";
    obsolete(section, "enable_hybi10", drafts);
    section.accepted(&["flash_policy"]);
    let flash = "there is no Flash any more, and no policy for it is served";
    obsolete(section, "enable_flash_policy", flash);
}

/// Says so of a flag that is set and for which there is nothing any more.
fn obsolete(section: &mut Section<'_>, key: &'static str, sentence: &str) {
    let field = section.optional(key);
    if let Some(field) = field.filter(|field| field.flag() == Some(true)) {
        field.warn(sentence);
    }
}

/// A time, where 0 means none.
fn milliseconds(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let field = section.optional(key)?;
    match field.number_up_to(&(0..=u32::MAX))? {
        0 => None,
        1..MIN_MILLISECONDS => field.expected("0 or at least 1000: the time is in milliseconds"),
        time => Some(Duration::from_millis(time.into())),
    }
}

/// A number of bytes, where 0 means none.
fn size(section: &mut Section<'_>, key: &'static str) -> Option<u32> {
    Some(section.number(key, &(0..=MAX_MESSAGE_SIZE), 0)).filter(|size| *size > 0)
}

/// A number of bytes that Crossbar.io does not bound, where 0 means none.
fn size_up_to(section: &mut Section<'_>, key: &'static str) -> Option<u32> {
    Some(section.number_up_to(key, &(0..=MAX_MESSAGE_SIZE), 0)).filter(|size| *size > 0)
}

/// The size of pings. Older versions of Crossbar.io took less than 12 bytes, and their template
/// of a configuration had 4.
fn ping_size(section: &mut Section<'_>, default: u8) -> u8 {
    let Some(field) = section.optional("auto_ping_size") else { return default };
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

fn external_port(section: &mut Section<'_>) -> Option<u16> {
    let field = section.optional("external_port").filter(|field| !field.is_null())?;
    // As with Crossbar.io, 0 is no port.
    field.number(&(0..=u16::MAX)).filter(|port| *port > 0)
}
