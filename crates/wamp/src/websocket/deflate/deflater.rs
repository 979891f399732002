//! Compresses messages (RFC 7692, section 7.2.1).

use std::cell::RefCell;
use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateError, DeflateFlush};

use super::{MemoryLevel, TAIL, WindowBits};

/// Messages shorter than this, in bytes, are not compressed: an acknowledgement has no repetitions,
/// and compressing costs more than the bytes.
pub const MIN_DEFLATED: usize = 64;

/// zlib's fastest level. Each subscriber's copy of an event is compressed separately, so time
/// matters most. With earlier messages as context, this level takes an eighth to a twelfth of the
/// next level's time for messages up to 1 KiB, and leaves a tenth more bytes.
const LEVEL: i32 = 1;

/// The initial capacity of the output beside half of the message.
const ROOM: usize = 64;

thread_local! {
    /// A connection without context takeover needs a deflater only while it compresses. All such
    /// connections of a thread share one, so an idle connection holds none.
    static SPARE: RefCell<Option<(DeflaterSettings, Deflate)>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DeflaterSettings {
    window_bits: WindowBits,
    memory_level: MemoryLevel,
}

impl DeflaterSettings {
    fn deflate(self) -> Deflate {
        // zlib supports no raw stream with a window of 256 bytes. With a window of 512 it refers
        // back by at most 250, because it reserves look-ahead, so the smaller window suffices.
        let window_bits = i32::from(self.window_bits.get().max(9));
        Deflate::new_with_config(DeflateConfig {
            level: LEVEL,
            // Negative: without zlib's header and checksum.
            window_bits: -window_bits,
            mem_level: i32::from(self.memory_level.0),
            ..DeflateConfig::default()
        })
    }
}

/// Compresses the messages of one connection.
///
/// With context takeover it keeps its window between messages: 137 kB with the smallest window and
/// memory level, 380 kB with the defaults, allocated with the first message that is compressed.
/// Without context takeover it holds nothing while idle.
pub struct Deflater {
    settings: DeflaterSettings,
    keeps_context: bool,
    /// Whether messages are compressed even if that does not make them shorter.
    takes_every_message: bool,
    kept: Option<Deflate>,
}

/// An empty message: a stored block with only its first bits left.
const EMPTY: [u8; 1] = [0];

impl Deflater {
    /// A deflater with this window. `keeps_context`: messages may refer to earlier ones.
    pub const fn new(
        window_bits: WindowBits,
        keeps_context: bool,
        memory_level: MemoryLevel,
    ) -> Self {
        let settings = DeflaterSettings { window_bits, memory_level };
        Self { settings, keeps_context, takes_every_message: false, kept: None }
    }

    /// Compresses every message, even if that does not make it shorter. For conformance tests.
    #[must_use]
    pub const fn compressing_every_message(mut self) -> Self {
        self.takes_every_message = true;
        self
    }

    /// Compresses a message. `None` if it should be sent uncompressed.
    pub fn deflate(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() < MIN_DEFLATED && !self.takes_every_message {
            return None;
        }
        if message.is_empty() {
            return Some(EMPTY.to_vec());
        }
        if !self.keeps_context {
            let deflated = self.deflate_alone(message);
            // No later message refers to it, so it need not be sent.
            return deflated
                .filter(|deflated| deflated.len() < message.len() || self.takes_every_message);
        }
        let kept = self.kept.get_or_insert_with(|| self.settings.deflate());
        let deflated = run(kept, message).ok();
        if deflated.is_none() {
            // Not known to happen. A new window does not refer to data that was not sent.
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

/// Compresses up to a flush and removes its tail.
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
        // There may be more output: a flush is complete when it leaves room.
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
