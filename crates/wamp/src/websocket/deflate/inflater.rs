//! Decompresses messages piece by piece (RFC 7692, section 7.2.2).

use std::cell::RefCell;
use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{TAIL, WindowBits};
use crate::websocket::close::WebSocketFault;

/// The minimum growth of the output, in bytes.
const LEAST_ROOM: usize = 256;

/// The ratio of a message to its compressed form that is assumed at first.
const USUAL_RATIO: usize = 4;

thread_local! {
    /// A connection without context takeover needs an inflater only while a message arrives. All
    /// such connections of a thread share one, so an idle connection holds none.
    static SPARE: RefCell<Option<Inflate>> = const { RefCell::new(None) };
}

/// The result of inflating a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::websocket) struct InflateStep {
    /// The bytes of the piece that were consumed.
    pub(in crate::websocket) taken: usize,
    /// Whether the step limit was reached. More output may follow, even if the whole piece was
    /// consumed.
    pub(in crate::websocket) is_full: bool,
}

/// Decompresses the messages of one connection.
///
/// With context takeover it keeps its window between messages: 48 kB for every window size,
/// allocated with the first compressed message. Without context takeover it holds nothing while
/// idle.
pub struct Inflater {
    keeps_context: bool,
    /// Kept between messages with context takeover, otherwise while a message arrives.
    inflate: Option<Inflate>,
}

impl Inflater {
    /// An inflater. `keeps_context`: the peer may refer to earlier messages.
    pub const fn new(keeps_context: bool) -> Self {
        Self { keeps_context, inflate: None }
    }

    /// Inflates the next piece of a message and appends at most `step` bytes to `out`. Stops when
    /// `out` would exceed `limit`; the excess is not kept. After a full step the rest of the piece
    /// must follow, even if it is empty.
    ///
    /// # Errors
    ///
    /// The message exceeds the limit, or is not in the format DEFLATE. Output before that is
    /// appended.
    pub(in crate::websocket) fn inflate(
        &mut self,
        piece: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
        step: usize,
    ) -> Result<InflateStep, WebSocketFault> {
        let inflate = self.inflate.get_or_insert_with(take_spare);
        run(inflate, piece, out, limit, step)
    }

    /// Ends a message with the tail that its sender has left out. The tail makes little output, so
    /// it is no step of its own.
    ///
    /// # Errors
    ///
    /// See [`Inflater::inflate`].
    pub(in crate::websocket) fn end(
        &mut self,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), WebSocketFault> {
        self.inflate(&TAIL, out, limit, usize::MAX)?;
        if !self.keeps_context {
            SPARE.set(self.inflate.take());
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn holds_state(&self) -> bool {
        self.inflate.is_some()
    }
}

fn take_spare() -> Inflate {
    match SPARE.take() {
        Some(mut spare) => {
            spare.reset(false);
            spare
        }
        // The largest window works for every peer and costs no more than the smallest.
        None => Inflate::new(false, WindowBits::MAX.get()),
    }
}

/// Inflates a piece. The output buffer grows with the output and is zeroed once, however many
/// blocks the piece has.
fn run(
    inflate: &mut Inflate,
    piece: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    step: usize,
) -> Result<InflateStep, WebSocketFault> {
    let mut rest = piece;
    let mut end = out.len();
    let most = end.saturating_add(step).min(limit.saturating_add(1));
    let mut room = (USUAL_RATIO * piece.len()).max(LEAST_ROOM);
    let outcome = loop {
        if end == out.len() {
            out.resize(end.saturating_add(room).min(most), 0);
            room = end.max(LEAST_ROOM);
        }
        let (taken, made) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(rest, &mut out[end..], InflateFlush::SyncFlush);
        rest = &rest[(inflate.total_in() - taken) as usize..];
        end += (inflate.total_out() - made) as usize;
        if end > limit {
            end = limit;
            break Err(WebSocketFault::TooBig {
                what: "message",
                announced: limit as u64 + 1,
                limit,
            });
        }
        match status {
            Err(_) => break Err(WebSocketFault::NotDeflate),
            // A final block (section 7.2.3.4). A new stream with a new window follows: no
            // compressor refers back across its own end.
            Ok(Status::StreamEnd) => {
                inflate.reset(false);
                if rest.is_empty() {
                    break Ok(false);
                }
            }
            // With room left, it stopped because the piece is consumed.
            Ok(Status::Ok | Status::BufError) if end < out.len() => {
                break if rest.is_empty() { Ok(false) } else { Err(WebSocketFault::NotDeflate) };
            }
            Ok(Status::Ok | Status::BufError) if end == most => break Ok(true),
            Ok(Status::Ok | Status::BufError) => {}
        }
    };
    out.truncate(end);
    outcome.map(|is_full| InflateStep { taken: piece.len() - rest.len(), is_full })
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("keeps_context", &self.keeps_context)
            .finish_non_exhaustive()
    }
}
