//! Reads the bodies of requests, with limits of size and memory.
//!
//! The time is limited with that of the connection: one whose only request is still being read
//! counts as idle ([`crate::connections`]).

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use cloverleaf_http_bridge::BodyError;
use cloverleaf_transport::input_memory::GivenUp;
use cloverleaf_transport::limits::{DECODED_PER_UNIT, LARGE_MESSAGE};
use cloverleaf_wakes::{WorkPermit, spend};
use cloverleaf_wamp::payload;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;

use crate::connections::HttpConnection;

/// The longest body that is read and discarded. Beyond that it is cheaper for the client to open
/// another connection.
const MAX_DISCARDED: usize = 64 * 1024;

/// Counts a body until it is read or its reading is given up.
pub(crate) struct BodyGuard<'a>(&'a AtomicUsize);

impl<'a> BodyGuard<'a> {
    pub(crate) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for BodyGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a body of at most `limit` bytes, counted with its connection meanwhile. The bytes returned
/// don't share the read buffer of the connection, which may be much longer, since the realm may
/// keep them. A body that makes no progress while others need its memory is given up.
pub(crate) async fn read(
    mut body: Incoming,
    limit: usize,
    connection: &HttpConnection,
) -> Result<Bytes, BodyError> {
    let _reading = BodyGuard::new(&connection.reading);
    let mut memory = connection.memory.input().reservation();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let read = first.len() + rest.len();
        let frame = frame.map_err(|_| BodyError::Incomplete { read })?;
        let Ok(data) = frame.into_data() else { continue };
        if read + data.len() > limit {
            return Err(BodyError::TooLong);
        }
        let read_ahead = read + data.len();
        memory.note_read(data.len());
        memory.hold(read_ahead).await.map_err(|GivenUp| BodyError::Incomplete { read })?;
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    let length = first.len() + rest.len();
    if length > LARGE_MESSAGE {
        memory.set_parked(true);
        wait_in_turn(length).await;
    }
    if rest.is_empty() {
        return Ok(payload::copy_frame(&first));
    }
    let mut whole = BytesMut::with_capacity(length);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Waits until the thread may decode a body of so many bytes, in order with the large messages of
/// its connections.
async fn wait_in_turn(bytes: usize) {
    let units = u32::try_from(bytes / DECODED_PER_UNIT).unwrap_or(u32::MAX);
    let mut permit = WorkPermit::default();
    poll_fn(|context| permit.poll(units, context)).await;
    spend(units);
}

/// Returns the request without its body. The body is read, so that the connection can carry the
/// next request. A body that is too long, or that the client sends only after 100 Continue, is not
/// read, and the connection ends with the response.
pub(crate) async fn discard_body(
    request: Request<Incoming>,
    connection: &HttpConnection,
) -> Request<()> {
    let (parts, body) = request.into_parts();
    if !body.is_end_stream() && !parts.headers.contains_key(EXPECT) {
        let _ = read(body, MAX_DISCARDED, connection).await;
    }
    Request::from_parts(parts, ())
}
