//! A client in another realm, which calls a procedure again and again and notes how long it waits.

use std::thread;
use std::time::{Duration, Instant};

use crate::attacked_node::join_realm2;
use crate::support::{NodeProcess, RawPeer as _, RawSocketPeer};

/// How often a call is made, unless the one before takes longer.
const INTERVAL: Duration = Duration::from_millis(5);

/// How long is measured at the least.
const LEAST: Duration = Duration::from_millis(500);

/// What a call may take longer than without the attack: a debug build does in a step of the router
/// some times what a step should last, on a machine that is busy with other tests.
const FACTOR: u32 = 20;
const ALLOWANCE: Duration = Duration::from_millis(250);

/// A caller and its callee.
pub(crate) struct LatencyProbe {
    caller: RawSocketPeer,
    callee: RawSocketPeer,
    request: u64,
}

impl LatencyProbe {
    pub(crate) fn new(node: &NodeProcess) -> Self {
        let mut callee = join_realm2(node);
        callee.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
        Self { caller: join_realm2(node), callee, request: 0 }
    }

    /// Makes one call. How long it has taken.
    fn call(&mut self) -> Duration {
        self.request += 1;
        let request = self.request;
        let began = Instant::now();
        self.caller.send(&format!(r#"[48,{request},{{}},"com.example.echo",[{request}]]"#));
        let invocation = self.callee.receive();
        assert!(invocation.starts_with(&format!("[68,{request},")), "{invocation}");
        self.callee.send(&format!("[70,{request},{{}},[{request}]]"));
        assert_eq!(self.caller.receive(), format!("[50,{request},{{}},[{request}]]"));
        began.elapsed()
    }

    /// What nine calls of ten take at most while something else goes on. Calls that would have been
    /// made while one waits count as waiting, too.
    fn latency_during(&mut self, attack: impl FnOnce() + Send) -> Duration {
        let mut taken = Vec::new();
        thread::scope(|scope| {
            let attack = scope.spawn(attack);
            let began = Instant::now();
            while !attack.is_finished() || began.elapsed() < LEAST {
                let mut waited = self.call();
                taken.push(waited);
                thread::sleep(INTERVAL.saturating_sub(waited));
                while waited > INTERVAL {
                    waited -= INTERVAL;
                    taken.push(waited);
                }
            }
        });
        taken.sort_unstable();
        taken[taken.len() * 9 / 10]
    }

    /// Asserts that calls are answered nearly as fast during an attack as without it.
    pub(crate) fn assert_undisturbed(&mut self, attack: impl FnOnce() + Send) {
        let idle = self.latency_during(|| ());
        let attacked = self.latency_during(attack);
        let limit = idle * FACTOR + ALLOWANCE;
        assert!(
            attacked < limit,
            "calls take {attacked:?} instead of {idle:?}, more than {limit:?}"
        );
    }
}
