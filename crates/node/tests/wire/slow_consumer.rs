//! A subscriber that never reads: it costs the router no more than its queue, and nobody else
//! anything.

use crate::lab::process::resident_bytes;
use crate::lab::{JSON, Peer as _};
use crate::router::router;

const EVENTS: usize = 100_000;

/// What each event carries; all of them together would be 100 MB.
const EVENT_BYTES: usize = 1_000;

/// How many are published before the subscriber that reads has its turn: a test has one thread, and
/// would otherwise itself be too slow.
const BATCH: usize = 1_000;

/// What the router may grow by: the queue of one stalled subscriber (8 MiB) and as much again for
/// what lies encoded, in the allocator and in the queue of the one that reads.
const MAX_GROWTH: u64 = 40 * 1024 * 1024;

#[test]
fn a_subscriber_that_never_reads_disturbs_nobody() {
    let node = router();
    let subscribe = r#"[32,1,{},"com.example.flood"]"#;
    let mut stalled = node.rawsocket(JSON);
    stalled.join();
    stalled.obtain(subscribe);
    let mut reader = node.rawsocket(JSON);
    reader.join();
    reader.obtain(subscribe);
    let mut publisher = node.rawsocket(JSON);
    publisher.join();
    let before = resident_bytes(node.id());

    let filling = "x".repeat(EVENT_BYTES);
    for batch in 0..EVENTS / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        for number in numbers.clone() {
            let request = number + 1;
            publisher.send(&format!(
                r#"[16,{request},{{}},"com.example.flood",[{number},"{filling}"]]"#
            ));
        }
        for number in numbers {
            let event = reader.receive();
            let expected = format!(r#"{{}},[{number},"#);
            assert!(event.contains(&expected), "event {number} is {}", &event[..60]);
        }
    }
    let grown = resident_bytes(node.id()).saturating_sub(before);
    assert!(grown < MAX_GROWTH, "the router has grown by {grown} bytes");

    // All are still there.
    assert!(reader.ask(r#"[32,2,{},"com.example.other"]"#).starts_with("[33,2,"));
    assert!(publisher.ask(r#"[32,100001,{},"com.example.other"]"#).starts_with("[33,100001,"));
    assert!(stalled.receive().contains("{},[0,"), "the first events wait in the queue");
}
