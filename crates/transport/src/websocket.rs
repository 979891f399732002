//! The opening handshake of an outgoing WebSocket connection. On the router's side, the HTTP server
//! answers the handshake.

use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::handshake::client::UpgradeRequest;
use cloverleaf_wamp::websocket::{WebSocketLimits, WebSocketRole};
use tokio::time::timeout;

use crate::error::TransportError;
use crate::framing::Framing;
use crate::limits::CONNECT_TIMEOUT;
use crate::rawsocket::Negotiated;
use crate::stream::Stream;

/// Opens a WebSocket at `host` and `path`. Returns the result of the handshake, and the bytes that
/// were read behind the response.
pub async fn connect(
    stream: &mut Stream,
    host: &str,
    path: &str,
    serializers: &[Serializer],
    max_message: usize,
) -> Result<(Negotiated, Vec<u8>), TransportError> {
    let subprotocols: Vec<&str> =
        serializers.iter().map(|serializer| serializer.subprotocol()).collect();
    let request = UpgradeRequest {
        host,
        path,
        key: rand::random(),
        subprotocols: &subprotocols,
        headers: &[],
    };
    let head = request.encode().map_err(|error| TransportError::WebSocket(error.to_string()))?;
    stream.write_all(&head).await.map_err(TransportError::io("writing the WebSocket handshake"))?;
    timeout(CONNECT_TIMEOUT, read_response(stream, &request, serializers, max_message))
        .await
        .map_err(|_| TransportError::Timeout)?
}

async fn read_response(
    stream: &mut Stream,
    request: &UpgradeRequest<'_>,
    serializers: &[Serializer],
    max_message: usize,
) -> Result<(Negotiated, Vec<u8>), TransportError> {
    let mut read = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream
            .read(&mut buffer)
            .await
            .map_err(TransportError::io("reading the answer to the WebSocket handshake"))?;
        if count == 0 {
            let text = "the server closed the connection before it answered";
            return Err(TransportError::WebSocket(text.to_owned()));
        }
        read.extend_from_slice(&buffer[..count]);
        // This bounds `read`: a head that is too long is an error.
        let response = request
            .read_response(&read)
            .map_err(|fault| TransportError::WebSocket(fault.to_string()))?;
        if let Some(response) = response {
            let chosen = response
                .subprotocol
                .and_then(|name| Serializer::from_subprotocol(name, serializers));
            let Some(serializer) = chosen else {
                let text = "the server chose none of the offered subprotocols";
                return Err(TransportError::WebSocket(text.to_owned()));
            };
            let limits = WebSocketLimits { max_message, max_frame: max_message };
            let framing = Framing::websocket(WebSocketRole::Client, limits);
            let early = read.split_off(response.consumed);
            return Ok((Negotiated { serializer, framing }, early));
        }
    }
}
