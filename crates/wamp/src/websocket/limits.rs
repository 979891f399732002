//! The limits of messages and frames.

/// The maximum payload of a control frame, in bytes (section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The limits of messages and frames, in bytes. A length in a header is checked before anything is
/// buffered. For a compressed message the inflated length counts, and no more than the limit is
/// inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The maximum message, over all its fragments.
    pub max_message: usize,
    /// The maximum payload of a data frame, before with_inflater.
    pub max_frame: usize,
}
