//! The end of a connection whose client may still be sending.
//!
//! A socket that is closed with bytes unread resets its connection, and a reset takes the answer
//! along that the client has not read yet: the one that says what is wrong with its request. So
//! this side's half is ended first, and what still comes is read and thrown away for a moment
//! (RFC 9112 section 9.6).

use cloverleaf_transport::Stream;
use cloverleaf_transport::limits::CLOSING_TIMEOUT;
use tokio::time::timeout;

/// So much is thrown away at most: a body of the usual limits that was refused by its head.
const MOST: usize = 1 << 20;

/// Reads to the end of a stream whose half here has been ended.
pub(super) async fn linger(mut stream: Stream) {
    let mut ignored = [0; 2048];
    let mut left = MOST;
    let reading = async {
        while let Ok(count @ 1..) = stream.read(&mut ignored).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    // A client that neither ends nor sends has had its time.
    let _ = timeout(CLOSING_TIMEOUT, reading).await;
}
