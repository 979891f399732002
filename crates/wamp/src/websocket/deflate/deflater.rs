//! A message to its compressed form (RFC 7692, section 7.2.1).

use std::cell::RefCell;
use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateError, DeflateFlush};

use super::{MemoryLevel, TAIL, WindowBits};

/// Shorter messages are sent as they are, in bytes: an acknowledgement has nothing that repeats,
/// and packing and unpacking it would cost more than the bytes do.
pub const MIN_DEFLATED: usize = 64;

/// zlib's fastest level. Each subscriber's copy of an event is compressed for itself, so it is time
/// that counts: with the messages before as context, this level takes an eighth to a twelfth of
/// the next one's time for messages up to a kibibyte, and leaves a tenth more bytes.
const LEVEL: i32 = 1;

/// What the output begins with room for, beside half of the message.
const ROOM: usize = 64;

thread_local! {
    /// A connection that takes over no context needs a deflater only while it compresses: all
    /// those of a thread share one, so that an idle connection holds none.
    static SPARE: RefCell<Option<(Settings, Deflate)>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    window_bits: WindowBits,
    memory_level: MemoryLevel,
}

impl Settings {
    fn deflate(self) -> Deflate {
        // zlib makes no raw stream for a window of 256 bytes. With one of 512 it refers back by 250
        // at most, since it keeps room to look ahead, so that the smaller window suffices.
        let window_bits = i32::from(self.window_bits.get().max(9));
        Deflate::new_with_config(DeflateConfig {
            level: LEVEL,
            // Negative: without the header and the checksum of zlib's own format.
            window_bits: -window_bits,
            mem_level: i32::from(self.memory_level.0),
            ..DeflateConfig::default()
        })
    }
}

/// The sending half of a connection's compression.
///
/// With context takeover it keeps its window from message to message: 137 kB with the smallest
/// window and memory level, 380 kB with the usual ones, made with the first message that is worth
/// it. Without, an idle one holds nothing.
pub struct Deflater {
    settings: Settings,
    keeps_context: bool,
    /// Whether messages are compressed that gain nothing by it.
    takes_every_message: bool,
    kept: Option<Deflate>,
}

/// An empty message: a stored block of which only the first bits are left.
const EMPTY: [u8; 1] = [0];

impl Deflater {
    /// The deflater of a side that may refer back so far, and to earlier messages or not.
    pub const fn new(
        window_bits: WindowBits,
        keeps_context: bool,
        memory_level: MemoryLevel,
    ) -> Self {
        let settings = Settings { window_bits, memory_level };
        Self { settings, keeps_context, takes_every_message: false, kept: None }
    }

    /// The same, which compresses also what gains nothing by it: for conformance tests.
    #[must_use]
    pub const fn of_every_message(mut self) -> Self {
        self.takes_every_message = true;
        self
    }

    /// The compressed form of a message; none for one that is better sent as it is.
    pub fn deflate(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() < MIN_DEFLATED && !self.takes_every_message {
            return None;
        }
        if message.is_empty() {
            return Some(EMPTY.to_vec());
        }
        if !self.keeps_context {
            let deflated = self.deflate_alone(message);
            // Nobody refers to it later, so it need not be sent.
            return deflated
                .filter(|deflated| deflated.len() < message.len() || self.takes_every_message);
        }
        let kept = self.kept.get_or_insert_with(|| self.settings.deflate());
        let deflated = run(kept, message).ok();
        if deflated.is_none() {
            // Not known to happen. A new window refers to nothing that was not sent.
            self.kept = None;
        }
        deflated
    }

    fn deflate_alone(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut deflate = match SPARE.take() {
            Some((settings, mut spare)) if settings == self.settings => {
                spare.reset();
                spare
            }
            _ => self.settings.deflate(),
        };
        let deflated = run(&mut deflate, message).ok();
        SPARE.set(Some((self.settings, deflate)));
        deflated
    }

    #[cfg(test)]
    pub(super) const fn holds_state(&self) -> bool {
        self.kept.is_some()
    }
}

/// Compresses to a flush and leaves out its tail.
fn run(deflate: &mut Deflate, message: &[u8]) -> Result<Vec<u8>, DeflateError> {
    let mut out = vec![0; message.len() / 2 + ROOM];
    let (mut taken, mut made) = (0, 0);
    loop {
        let (taken_before, made_before) = (deflate.total_in(), deflate.total_out());
        deflate.compress(&message[taken..], &mut out[made..], DeflateFlush::SyncFlush)?;
        taken += (deflate.total_in() - taken_before) as usize;
        made += (deflate.total_out() - made_before) as usize;
        if made < out.len() {
            break;
        }
        // There may be more: a flush is done when it leaves room.
        out.resize(2 * out.len(), 0);
    }
    out.truncate(made);
    if !out.ends_with(&TAIL) {
        return Err(DeflateError::DataError);
    }
    out.truncate(made - TAIL.len());
    Ok(out)
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("settings", &self.settings)
            .field("keeps_context", &self.keeps_context)
            .finish_non_exhaustive()
    }
}
