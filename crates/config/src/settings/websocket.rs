//! The options of WebSocket connections.

use std::time::Duration;

use cloverleaf_wamp::websocket::deflate::Wishes;

/// The options of WebSocket connections (RFC 6455). Times and sizes that the file gives as 0 are
/// none here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// The origins of web pages that may connect; `*` stands for anything, also inside.
    pub allowed_origins: Vec<String>,
    /// Whether pages with the origin `null` may connect.
    pub allow_null_origin: bool,
    /// The port that clients see, when it is not the one of the endpoint.
    pub external_port: Option<u16>,
    /// Whether WebSocket connections are accepted at all.
    pub enable_rfc6455: bool,
    /// How long the opening handshake may take.
    pub open_handshake_timeout: Option<Duration>,
    /// How long the closing handshake may take.
    pub close_handshake_timeout: Option<Duration>,
    /// Whether a plain GET is answered with a page that says what is here.
    pub enable_webstatus: bool,
    /// Whether text messages must be UTF-8.
    pub validate_utf8: bool,
    /// Whether frames from the server are masked.
    pub mask_server_frames: bool,
    /// Whether frames from clients must be masked.
    pub require_masked_client_frames: bool,
    /// Whether masks are applied to payloads.
    pub apply_mask: bool,
    /// The longest frame, in bytes.
    pub max_frame_size: Option<u32>,
    /// The longest message, in bytes.
    pub max_message_size: Option<u32>,
    /// The size of the frames into which messages are cut, in bytes.
    pub auto_fragment_size: Option<u32>,
    /// Whether violations of the protocol are answered by dropping the connection at once.
    pub fail_by_drop: bool,
    /// Whether the peer's close code and reason are echoed.
    pub echo_close_codereason: bool,
    /// Whether small segments are sent at once (`TCP_NODELAY`).
    pub tcp_nodelay: bool,
    /// The time between two pings.
    pub auto_ping_interval: Option<Duration>,
    /// How long the answer to a ping may take.
    pub auto_ping_timeout: Option<Duration>,
    /// The size of a ping's payload, in bytes: 12 to 125.
    pub auto_ping_size: u8,
    /// Whether whatever arrives counts as an answer to a ping.
    pub auto_ping_restart_on_any_traffic: bool,
    /// Whether clients must ask for a WAMP subprotocol.
    pub require_websocket_subprotocol: bool,
    /// Whether clients are told the name and version of the server: where the file doesn't say,
    /// WELCOME does and the answer to the handshake doesn't.
    pub show_server_version: Option<bool>,
    /// What is wanted of permessage-deflate (RFC 7692), when messages may be compressed at all.
    pub compression: Option<Wishes>,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self {
            allowed_origins: vec!["*".to_owned()],
            allow_null_origin: true,
            external_port: None,
            enable_rfc6455: true,
            open_handshake_timeout: None,
            close_handshake_timeout: None,
            enable_webstatus: true,
            validate_utf8: true,
            mask_server_frames: false,
            require_masked_client_frames: true,
            apply_mask: true,
            max_frame_size: None,
            max_message_size: None,
            auto_fragment_size: None,
            fail_by_drop: false,
            echo_close_codereason: false,
            tcp_nodelay: true,
            auto_ping_interval: None,
            auto_ping_timeout: None,
            auto_ping_size: 12,
            auto_ping_restart_on_any_traffic: true,
            require_websocket_subprotocol: true,
            show_server_version: None,
            compression: None,
        }
    }
}
