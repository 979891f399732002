//! Faults of an HTTP server while it reads the body of a request.

/// The reason why the HTTP server has no complete body for the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The body is longer than [`Bridge::body_limit`](crate::Bridge::body_limit); the rest was not
    /// read.
    TooLong,
    /// The client ended the body early.
    Incomplete {
        /// Number of bytes that arrived.
        read: usize,
    },
}
