//! The ceiling `forwarder`: copies RawSocket frames unchanged between a callee and a caller. No
//! router can transport a call and its result over two sockets with less work, so sequential calls
//! are reported as a ratio to it. It knows no handshakes, sessions or messages.
//!
//! `forwarder --socket PATH`: the first connection is the callee's, the second the caller's. When
//! one of them ends, the other is closed, and the next two are accepted.

use std::io;

use bytes::{Buf, BytesMut};
use cloverleaf_bench::arguments;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes requested by one read: a few hundred frames of the measurement.
const READ_CHUNK: usize = 16 * 1024;

/// Bytes before the payload of a frame; the last three are its length.
const PREFIX: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let [socket] = arguments::from_command_line(["--socket"])?;
    let listener = UnixListener::bind(socket)?;
    loop {
        let (callee, _) = listener.accept().await?;
        let (caller, _) = listener.accept().await?;
        let (from_callee, to_callee) = callee.into_split();
        let (from_caller, to_caller) = caller.into_split();
        let mut calls = tokio::spawn(forward(from_caller, to_callee));
        let mut results = tokio::spawn(forward(from_callee, to_caller));
        // The end of one connection ends both and is no error.
        tokio::select! {
            _ = &mut calls => results.abort(),
            _ = &mut results => calls.abort(),
        }
    }
}

/// Copies whole frames: one write for all whole frames of a read.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut octets = BytesMut::with_capacity(READ_CHUNK);
    loop {
        octets.reserve(READ_CHUNK);
        if from.read_buf(&mut octets).await? == 0 {
            return Ok(());
        }
        let whole = whole_frames(&octets);
        to.write_all(&octets[..whole]).await?;
        octets.advance(whole);
    }
}

/// Number of bytes at the front that are whole frames.
fn whole_frames(octets: &[u8]) -> usize {
    let mut whole = 0;
    while let Some([_, high, middle, low]) = octets[whole..].first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        if octets.len() - whole < PREFIX + length {
            break;
        }
        whole += PREFIX + length;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::whole_frames;

    #[test]
    fn only_whole_frames_are_copied() {
        let two = [0, 0, 0, 1, b'x', 0, 0, 0, 0];
        let found: Vec<_> = (0..=two.len()).map(|length| whole_frames(&two[..length])).collect();
        assert_eq!(found, [0, 0, 0, 0, 0, 5, 5, 5, 5, 9]);
    }
}
