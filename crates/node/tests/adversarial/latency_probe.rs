//! A client in another realm that calls a procedure repeatedly and measures the latency.

use std::thread;
use std::time::{Duration, Instant};

use crate::attacked_node::join_realm2;
use crate::support::{NodeProcess, RawPeer as _, RawSocketPeer};

/// Interval between two calls, unless a call takes longer.
const INTERVAL: Duration = Duration::from_millis(5);

/// Shortest duration of a measurement.
const SHORTEST: Duration = Duration::from_millis(500);

/// Bound of the latency during an attack: this factor of the idle latency, plus this allowance. A
/// step of the router takes several times longer in a debug build, and the machine is busy with
/// other tests.
const FACTOR: u32 = 20;
const ALLOWANCE: Duration = Duration::from_millis(250);

/// A caller and its callee in `realm2`.
pub(crate) struct LatencyProbe {
    caller: RawSocketPeer,
    callee: RawSocketPeer,
    request: u64,
}

impl LatencyProbe {
    /// Joins the caller and the callee to `realm2`.
    pub(crate) fn new(node: &NodeProcess) -> Self {
        let mut callee = join_realm2(node);
        callee.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
        Self { caller: join_realm2(node), callee, request: 0 }
    }

    /// Makes one call and returns its latency.
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

    /// The 90th percentile of the latency while `attack` runs. If a call takes longer than the
    /// interval, the calls that it prevented count with their waiting time.
    fn latency_during(&mut self, attack: impl FnOnce() + Send) -> Duration {
        let mut taken = Vec::new();
        thread::scope(|scope| {
            let attack = scope.spawn(attack);
            let began = Instant::now();
            while !attack.is_finished() || began.elapsed() < SHORTEST {
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

    /// Asserts that the latency during an attack stays within the bound.
    pub(crate) fn assert_unblocked(&mut self, attack: impl FnOnce() + Send) {
        let idle = self.latency_during(|| ());
        let attacked = self.latency_during(attack);
        let limit = idle * FACTOR + ALLOWANCE;
        assert!(
            attacked < limit,
            "calls take {attacked:?} instead of {idle:?}, more than {limit:?}"
        );
    }
}
