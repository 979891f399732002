//! The compressed form, piece by piece, to the message (RFC 7692, section 7.2.2).

use std::cell::RefCell;
use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{TAIL, WindowBits};
use crate::websocket::close::WebSocketFault;

/// The least room that the output grows by, in bytes.
const LEAST_ROOM: usize = 256;

/// How many times longer than its compressed form a message is taken to become, at first.
const USUAL_RATIO: usize = 4;

thread_local! {
    /// A connection that takes over no context needs an inflater only while a message arrives: all
    /// those of a thread share one, so that an idle connection holds none.
    static SPARE: RefCell<Option<Inflate>> = const { RefCell::new(None) };
}

/// What inflating a piece has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::websocket) struct Step {
    /// Bytes of the piece that were taken.
    pub(in crate::websocket) taken: usize,
    /// As much was made as a step may make. There may be more, also when the whole piece was taken.
    pub(in crate::websocket) is_full: bool,
}

/// The receiving half of a connection's compression.
///
/// With context takeover it keeps its window from message to message: 48 kB, whatever window was
/// agreed on, made with the first compressed message. Without, an idle one holds nothing.
pub struct Inflater {
    keeps_context: bool,
    /// Kept between messages, or while one arrives.
    held: Option<Inflate>,
}

impl Inflater {
    /// The inflater of a side whose peer may refer to earlier messages, or not.
    pub const fn new(keeps_context: bool) -> Self {
        Self { keeps_context, held: None }
    }

    /// Appends to `out` what the next piece of a message becomes, at most `step` bytes, until `out`
    /// is one byte longer than `limit`. That byte is not kept, and the rest is not made. After a
    /// full step the rest of the piece has to follow, though it may be empty.
    ///
    /// # Errors
    ///
    /// The message exceeds the limit, or is not in the format DEFLATE. What came before that is
    /// appended.
    pub(in crate::websocket) fn inflate(
        &mut self,
        piece: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
        step: usize,
    ) -> Result<Step, WebSocketFault> {
        let inflate = self.held.get_or_insert_with(borrow);
        run(inflate, piece, out, limit, step)
    }

    /// Ends a message: its sender has left out the tail. What that makes is little, so it is no
    /// step of its own.
    ///
    /// # Errors
    ///
    /// As those of [`Inflater::inflate`].
    pub(in crate::websocket) fn end(
        &mut self,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), WebSocketFault> {
        self.inflate(&TAIL, out, limit, usize::MAX)?;
        if !self.keeps_context {
            SPARE.set(self.held.take());
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn holds_state(&self) -> bool {
        self.held.is_some()
    }
}

fn borrow() -> Inflate {
    match SPARE.take() {
        Some(mut spare) => {
            spare.reset(false);
            spare
        }
        // The largest window serves every peer, and costs no more than the smallest.
        None => Inflate::new(false, WindowBits::MAX.get()),
    }
}

/// Inflates a piece. The output grows with what has been made and is cleared for it once, however
/// many blocks the piece consists of.
fn run(
    inflate: &mut Inflate,
    piece: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    step: usize,
) -> Result<Step, WebSocketFault> {
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
            // A final block (section 7.2.3.4). What follows begins anew, and so does the window:
            // no compressor refers behind the end that it has made.
            Ok(Status::StreamEnd) => {
                inflate.reset(false);
                if rest.is_empty() {
                    break Ok(false);
                }
            }
            // With room left, it has stopped because the piece is used up.
            Ok(Status::Ok | Status::BufError) if end < out.len() => {
                break if rest.is_empty() { Ok(false) } else { Err(WebSocketFault::NotDeflate) };
            }
            Ok(Status::Ok | Status::BufError) if end == most => break Ok(true),
            Ok(Status::Ok | Status::BufError) => {}
        }
    };
    out.truncate(end);
    outcome.map(|is_full| Step { taken: piece.len() - rest.len(), is_full })
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("keeps_context", &self.keeps_context)
            .finish_non_exhaustive()
    }
}
