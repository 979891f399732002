//! Options of WebSockets.

use std::num::NonZeroUsize;

use cloverleaf_config::settings::WebSocketSettings;
use cloverleaf_transport::{KeepAlive, WebSocketServerOptions};
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_wamp::websocket::WebSocketLimits;
use cloverleaf_wamp::websocket::deflate::DeflateOptions;
use cloverleaf_web::{FrameOptions, WebSocketEndpoint, WebSocketPurpose};
use hyper::header::HeaderValue;

use super::wamp::max_message;

/// The value of the header `Server`, if it is sent.
const SERVER: &str = concat!("Cloverleaf/", env!("CARGO_PKG_VERSION"));

pub(super) fn websocket_endpoint(
    endpoint: WebSocketPurpose,
    options: &WebSocketSettings,
) -> WebSocketEndpoint {
    // Conformance tests expect each message to be compressed.
    let every_message = matches!(endpoint, WebSocketPurpose::Echo(_));
    let compression = options.compression.map(|wishes| DeflateOptions { every_message, ..wishes });
    WebSocketEndpoint {
        endpoint,
        is_enabled: options.enable_rfc6455,
        origins: OriginRule::new(&options.allowed_origins, options.allow_null_origin),
        external_port: options.external_port,
        require_subprotocol: options.require_websocket_subprotocol,
        webstatus: options.enable_webstatus,
        server: (options.show_server_version == Some(true))
            .then(|| HeaderValue::from_static(SERVER)),
        frame_options: FrameOptions { compression, ..frame_options(options) },
    }
}

fn frame_options(options: &WebSocketSettings) -> FrameOptions {
    let max_message = max_message(options.max_message_size);
    let max_frame = options.max_frame_size.map_or(max_message, |limit| limit as usize);
    FrameOptions {
        limits: WebSocketLimits { max_message, max_frame },
        server_options: server_options(options),
        compression: options.compression,
        nodelay: options.tcp_nodelay,
    }
}

fn server_options(options: &WebSocketSettings) -> WebSocketServerOptions {
    let fragment_size = options.auto_fragment_size.map_or(0, |size| size as usize);
    WebSocketServerOptions {
        takes_unmasked: !options.require_masked_client_frames,
        ignores_masks: !options.apply_mask,
        masks: options.mask_server_frames,
        takes_any_text: !options.validate_utf8,
        fragment_size: NonZeroUsize::new(fragment_size),
        closing_timeout: options.close_handshake_timeout,
        drops_faulty: options.fail_by_drop,
        echoes_reason: options.echo_close_codereason,
        keepalive: options.auto_ping_interval.map(|interval| KeepAlive {
            interval,
            timeout: options.auto_ping_timeout,
            size: options.auto_ping_size,
            any_traffic: options.auto_ping_restart_on_any_traffic,
        }),
    }
}
