//! Sessions that are killed with a long message.

use crate::attacked_node::start_default;
use crate::memory_growth::{MIB, MemoryGrowth};
use crate::support::RawPeer as _;

const VICTIMS: usize = 200;

/// Length of the message in bytes. One copy for each victim would take 800 MB.
const BYTES: usize = 4 * 1024 * 1024;

#[test]
fn goodbye_messages_of_killed_sessions_take_bounded_memory() {
    let node = start_default();
    let mut attacker = node.join();
    let mut victims: Vec<_> = (0..VICTIMS).map(|_| node.join()).collect();
    let growth = MemoryGrowth::since_now(&node);
    let oversized = "x".repeat(BYTES);
    for (procedure, arguments) in [
        ("kill_all", "[]"),
        ("kill_by_authrole", r#"["anonymous"]"#),
        ("kill_by_authid", r#"["someone"]"#),
        ("kill", "[1]"),
    ] {
        let answer = attacker.request(&format!(
            r#"[48,1,{{}},"wamp.session.{procedure}",{arguments},{{"message":"{oversized}"}}]"#
        ));
        let refused = answer.contains("wamp.error.payload_size_exceeded");
        assert!(answer.starts_with("[8,48,1,") && refused, "{procedure}: {answer}");
    }
    growth.assert_below(64 * MIB);
    let text = "x".repeat(4_000);
    let kill_all = r#"[48,2,{},"wamp.session.kill_all",[],"#;
    let answer = attacker.request(&format!(r#"{kill_all}{{"message":"{text}"}}]"#));
    assert_eq!(answer, format!("[50,2,{{}},[{VICTIMS}]]"));
    for victim in &mut victims {
        let goodbye = victim.receive_json();
        assert_eq!((&goodbye[0], goodbye[1]["message"].as_str()), (&6.into(), Some(&*text)));
    }
    growth.assert_below(64 * MIB);
}
