//! Reading the body of a request, bounded in size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cloverleaf_http_bridge::BodyError;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

/// How long a body may take. Enough for the largest one over a slow line.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads a body of at most `limit` bytes. One that arrives in one piece is not copied.
pub(crate) async fn read(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    timeout(BODY_TIMEOUT, collect(body, limit))
        .await
        .unwrap_or(Err(BodyError::Incomplete { read: 0 }))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let read = first.len() + rest.len();
        let frame = frame.map_err(|_| BodyError::Incomplete { read })?;
        let Ok(data) = frame.into_data() else { continue };
        if read + data.len() > limit {
            return Err(BodyError::TooLong);
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}
