//! Reading the body of a request, bounded in size. Its time is bounded with its connection's: a
//! connection whose only request is still being read counts as idle (see `visits`).

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

use super::visits::Visit;

/// The longest body that is read though nobody asks for it; a connection is cheaper to open anew
/// than to feed with more.
const MAX_PASSED_OVER: usize = 64 * 1024;

/// Counts a body while it is read, also when reading is given up.
pub(super) struct Reading<'a>(&'a AtomicUsize);

impl<'a> Reading<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a body of at most `limit` bytes, counted with its connection meanwhile. The bytes returned
/// don't share the read buffer of the connection, which may be much longer: the realm may keep
/// them. A body that makes no progress while others need its memory is given up.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    visit: &Visit,
) -> Result<Bytes, BodyError> {
    let _reading = Reading::new(&visit.reading);
    let mut memory = visit.memory.input().reservation();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let read = first.len() + rest.len();
        let frame = frame.map_err(|_| BodyError::Incomplete { read })?;
        let Ok(data) = frame.into_data() else { continue };
        if read + data.len() > limit {
            return Err(BodyError::TooLong);
        }
        let held = read + data.len();
        memory.note_read(data.len());
        memory.hold(held).await.map_err(|GivenUp| BodyError::Incomplete { read })?;
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
        return Ok(payload::frame(&first));
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

/// The request without its body, which nobody asks for. It is read all the same, so that the
/// connection can go on behind it; one that is too long, or is only sent if asked for, is not, and
/// the connection ends with the answer.
pub(super) async fn pass_over(request: Request<Incoming>, visit: &Visit) -> Request<()> {
    let (parts, body) = request.into_parts();
    if !body.is_end_stream() && !parts.headers.contains_key(EXPECT) {
        let _ = read(body, MAX_PASSED_OVER, visit).await;
    }
    Request::from_parts(parts, ())
}
