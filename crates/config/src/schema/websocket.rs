//! The options of WebSocket connections.

use std::time::Duration;

use super::compression::compression;
use crate::section::Section;
use crate::settings::WebSocketOptions;

/// The largest frame or message that may be configured, in bytes.
pub(super) const MAX_MESSAGE_SIZE: u32 = 64 * 1024 * 1024;

/// Times are given in milliseconds; shorter ones are taken for seconds given by mistake.
const MIN_MILLISECONDS: u32 = 1_000;

/// Reads the key `options` of a WebSocket transport or service that listens.
pub(super) fn options(transport: &mut Section<'_>) -> WebSocketOptions {
    let section = transport.section("options", "websocket options");
    section.map(read).unwrap_or_default()
}

/// The same of one that connects, where some say nothing.
pub(super) fn connecting_options(transport: &mut Section<'_>) -> WebSocketOptions {
    let Some(mut section) = transport.section("options", "websocket options") else {
        return WebSocketOptions::default();
    };
    for key in [
        "allowed_origins",
        "allow_null_origin",
        "enable_webstatus",
        "max_frame_size",
        "require_websocket_subprotocol",
    ] {
        section.has_no_effect(key, true);
    }
    read(section)
}

fn read(mut section: Section<'_>) -> WebSocketOptions {
    let default = WebSocketOptions::default();
    let s = &mut section;
    let origins = s.optional("allowed_origins").and_then(|field| field.texts());
    let options = WebSocketOptions {
        allowed_origins: origins.unwrap_or(default.allowed_origins),
        allow_null_origin: s.flag("allow_null_origin", default.allow_null_origin),
        external_port: external_port(s),
        enable_hybi10: s.flag("enable_hybi10", default.enable_hybi10),
        enable_rfc6455: s.flag("enable_rfc6455", default.enable_rfc6455),
        open_handshake_timeout: milliseconds(s, "open_handshake_timeout"),
        close_handshake_timeout: milliseconds(s, "close_handshake_timeout"),
        enable_webstatus: s.flag("enable_webstatus", default.enable_webstatus),
        validate_utf8: s.flag("validate_utf8", default.validate_utf8),
        mask_server_frames: s.flag("mask_server_frames", default.mask_server_frames),
        require_masked_client_frames: s
            .flag("require_masked_client_frames", default.require_masked_client_frames),
        apply_mask: s.flag("apply_mask", default.apply_mask),
        max_frame_size: size(s, "max_frame_size"),
        max_message_size: size(s, "max_message_size"),
        auto_fragment_size: size(s, "auto_fragment_size"),
        fail_by_drop: s.flag("fail_by_drop", default.fail_by_drop),
        echo_close_codereason: s.flag("echo_close_codereason", default.echo_close_codereason),
        tcp_nodelay: s.flag("tcp_nodelay", default.tcp_nodelay),
        auto_ping_interval: milliseconds(s, "auto_ping_interval"),
        auto_ping_timeout: milliseconds(s, "auto_ping_timeout"),
        auto_ping_size: s.number("auto_ping_size", &(12..=125), default.auto_ping_size),
        auto_ping_restart_on_any_traffic: s
            .flag("auto_ping_restart_on_any_traffic", default.auto_ping_restart_on_any_traffic),
        require_websocket_subprotocol: s
            .flag("require_websocket_subprotocol", default.require_websocket_subprotocol),
        show_server_version: s.flag("show_server_version", default.show_server_version),
        compression: compression(s),
    };
    without_effect(s, &options);
    flash_policy(s);
    section.finish();
    options
}

/// Says of each option that is set and that this version does not act on yet that it does not.
fn without_effect(section: &mut Section<'_>, options: &WebSocketOptions) {
    let default = WebSocketOptions::default();
    for (key, is_set) in [
        ("external_port", options.external_port.is_some()),
        ("open_handshake_timeout", options.open_handshake_timeout.is_some()),
        ("close_handshake_timeout", options.close_handshake_timeout.is_some()),
        ("validate_utf8", options.validate_utf8 != default.validate_utf8),
        ("mask_server_frames", options.mask_server_frames != default.mask_server_frames),
        (
            "require_masked_client_frames",
            options.require_masked_client_frames != default.require_masked_client_frames,
        ),
        ("apply_mask", options.apply_mask != default.apply_mask),
        ("auto_fragment_size", options.auto_fragment_size.is_some()),
        ("fail_by_drop", options.fail_by_drop != default.fail_by_drop),
        ("enable_rfc6455", options.enable_rfc6455 != default.enable_rfc6455),
        ("echo_close_codereason", options.echo_close_codereason != default.echo_close_codereason),
        ("auto_ping_size", options.auto_ping_size != default.auto_ping_size),
        (
            "auto_ping_restart_on_any_traffic",
            options.auto_ping_restart_on_any_traffic != default.auto_ping_restart_on_any_traffic,
        ),
        ("tcp_nodelay", options.tcp_nodelay != default.tcp_nodelay),
        ("auto_ping_interval", options.auto_ping_interval.is_some()),
        ("auto_ping_timeout", options.auto_ping_timeout.is_some()),
        ("show_server_version", options.show_server_version != default.show_server_version),
    ] {
        section.has_no_effect(key, is_set);
    }
}

/// A time, where 0 means none.
fn milliseconds(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let field = section.optional(key)?;
    match field.number(&(0..=u32::MAX))? {
        0 => None,
        1..MIN_MILLISECONDS => field.unlike("0 or at least 1000: the time is in milliseconds"),
        time => Some(Duration::from_millis(time.into())),
    }
}

/// A number of bytes, where 0 means none.
fn size(section: &mut Section<'_>, key: &'static str) -> Option<u32> {
    Some(section.number(key, &(0..=MAX_MESSAGE_SIZE), 0)).filter(|size| *size > 0)
}

fn external_port(section: &mut Section<'_>) -> Option<u16> {
    let field = section.optional("external_port").filter(|field| !field.is_null())?;
    field.number(&(1..=u16::MAX))
}

fn flash_policy(section: &mut Section<'_>) {
    section.accepted(&["flash_policy"]);
    let field = section.optional("enable_flash_policy");
    if let Some(field) = field.filter(|field| field.flag() == Some(true)) {
        field.warn("there is no Flash any more, and no policy for it is served");
    }
}
