//! A subscriber that reads very slowly, under the policy `block-publisher`.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::attacked_node::{config, start};
use crate::support::{ClientStream, RawPeer as _};

/// Number of events: more than the subscriber's queue and the socket buffers hold.
const EVENTS: usize = 1_400;
const BYTES: usize = 64 * 1024;

/// Bytes that the subscriber reads each second.
const BYTES_PER_SECOND: usize = 2 * 1024;

/// Deadline of the publisher. The router waits for a subscriber for 30 s without enough progress,
/// or for 60 s. A busy machine needs more.
const DEADLINE: Duration = Duration::from_secs(240);

#[test]
fn publisher_stops_waiting_for_a_subscriber_that_hardly_reads() {
    let mut config = config(&json!({}));
    config["workers"][0]["transports"][0]["slow_consumer"] = "block-publisher".into();
    let node = start(&config);
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{},"com.example.news"]"#);
    let mut publisher = node.join();
    let ClientStream::Unix(stream) = &publisher.stream else { panic!("a Unix socket") };
    stream.set_write_timeout(None).expect("an option");
    stream.set_read_timeout(None).expect("an option");
    let filling = "x".repeat(BYTES);
    let publishing = thread::spawn(move || {
        for request in 1..=EVENTS {
            let options = if request == EVENTS { r#"{"acknowledge":true}"# } else { "{}" };
            publisher
                .send(&format!(r#"[16,{request},{options},"com.example.news",["{filling}"]]"#));
        }
        publisher.receive_json()
    });
    let began = Instant::now();
    while !publishing.is_finished() {
        assert!(began.elapsed() < DEADLINE, "the publisher is still blocked");
        subscriber.stream.receive(BYTES_PER_SECOND / 10);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(publishing.join().expect("PUBLISHED")[1], EVENTS);
}
