//! Echo of plain octets and of messages.

use std::sync::Arc;

use cloverleaf_transport::echo::{Echo, send_back};
use cloverleaf_transport::limits::STALL_TIMEOUT;
use cloverleaf_transport::{Flow, Handler as _, QueueMemory, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

#[tokio::test]
async fn octets_and_the_end_are_echoed() {
    let (ours, mut peer) = duplex(64 * 1024);
    let echo = tokio::spawn(send_back(Stream::Other(Box::new(ours))));
    let octets: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
    peer.write_all(&octets).await.expect("sent");
    let mut back = vec![0; octets.len()];
    peer.read_exact(&mut back).await.expect("sent back");
    assert_eq!(back, octets);
    peer.shutdown().await.expect("ended");
    echo.await.expect("the echo ends with its peer");
}

#[tokio::test(start_paused = true)]
async fn echo_peer_that_does_not_read_is_disconnected() {
    let (ours, mut peer) = duplex(1_024);
    let echo = tokio::spawn(send_back(Stream::Other(Box::new(ours))));
    let start = Instant::now();
    // More than the buffers of both directions hold, until the echo stops reading.
    let refused = peer.write_all(&[0; 100_000]).await;
    refused.expect_err("the echo reads no more");
    assert_eq!(start.elapsed(), STALL_TIMEOUT);
    echo.await.expect("it has ended");
}

#[test]
fn queued_echo_messages_count_in_the_memory_of_the_process() {
    let memory = Arc::new(QueueMemory::new(1 << 20));
    let (mut echo, receiver) = Echo::new(Arc::clone(&memory));
    for _ in 0..8 {
        assert_eq!(echo.receive(None, &vec![0; 1 << 20]), Flow::Continue);
    }
    assert!(memory.used() >= 8 << 20);
    drop(receiver);
    assert_eq!(memory.used(), 0);
}
