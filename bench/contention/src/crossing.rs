//! Caller and callee on one thread or on two: the cost of a message between threads.
//!
//! Each thread has a runtime as in the node. A task stands for a connection, which its queue wakes.
//! To wake a task of an idle thread is a system call.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use cloverleaf_wamp::message::RouterMessage;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::group::{GroupWork, invocation_of};
use crate::host::Host;
use crate::meter::{LatencyMeter, cpu_time};
use crate::peer::{ContentionPeer, frame, yielded};

/// The numbers of calls in flight that are measured.
const IN_FLIGHT: [u64; 2] = [1, 100];

/// The result for one caller and one callee.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Crossing {
    /// The number of threads: 1 or 2.
    pub(crate) threads: usize,
    pub(crate) in_flight: u64,
    /// Calls per second.
    pub(crate) rate: f64,
    /// CPU time of a call on both threads, in microseconds.
    pub(crate) cpu_us: f64,
    /// Time of one call under the lock, in nanoseconds.
    pub(crate) under_lock_ns: f64,
}

/// Measures all four combinations, each for `time`.
///
/// # Errors
/// A runtime cannot be created.
pub(crate) fn measure(time: Duration, clock: f64) -> io::Result<Vec<Crossing>> {
    let mut found = Vec::new();
    for in_flight in IN_FLIGHT {
        for threads in [1, 2] {
            found.push(between(threads, in_flight, time, clock)?);
        }
    }
    Ok(found)
}

/// A runtime as in the node: to wake it, another thread writes to its eventfd.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().build()
}

fn between(threads: usize, in_flight: u64, time: Duration, clock: f64) -> io::Result<Crossing> {
    let host = Host::new();
    let (caller, mut callee) = (ContentionPeer::join(&host), ContentionPeer::join(&host));
    callee.request(r#"[64,1,{},"com.example.add2"]"#);
    let (stop, stopped) = oneshot::channel();
    let (calls, answers) = (calls(caller, in_flight, time), answers(callee, stopped));
    let (here, there) = (runtime()?, runtime()?);
    let (mut called, answered) = if threads == 1 {
        let answering = here.spawn(answers);
        let called = here.block_on(calls);
        drop(stop);
        (called, here.block_on(answering).map_err(io::Error::other)?)
    } else {
        let answering = thread::spawn(move || there.block_on(answers));
        let called = here.block_on(calls);
        drop(stop);
        (called, answering.join().expect("no wrong message"))
    };
    called.meter.add(&answered.meter);
    if threads == 2 {
        called.cpu += answered.cpu;
    }
    Ok(Crossing {
        threads,
        in_flight,
        rate: called.count as f64 / called.time.as_secs_f64(),
        cpu_us: called.cpu.as_secs_f64() * 1e6 / called.count as f64,
        under_lock_ns: GroupWork::Calls.entries() as f64 * called.meter.held(clock),
    })
}

/// The work of one side.
struct SideWork {
    /// Calls that have ended, or that were answered.
    count: usize,
    time: Duration,
    /// CPU time of the thread.
    cpu: Duration,
    meter: LatencyMeter,
}

/// Keeps this number of calls in flight for `time`.
async fn calls(mut peer: ContentionPeer, in_flight: u64, time: Duration) -> SideWork {
    let call = |number| frame(&format!(r#"[48,{number},{{}},"com.example.add2",[13,3]]"#));
    let frames: Vec<_> = (1..=in_flight).map(call).collect();
    let (mut out, mut ended, mut meter) = (Vec::new(), Vec::new(), LatencyMeter::default());
    let (mut count, start, cpu) = (0, Instant::now(), cpu_time());
    frames.iter().for_each(|frame| peer.receive(frame, &mut meter));
    poll_fn(|context| {
        peer.drain(context, &mut out, |message, _| ended.push(call_of(message)));
        count += ended.len();
        if start.elapsed() >= time {
            return Poll::Ready(());
        }
        for number in ended.drain(..) {
            peer.receive(&frames[number as usize - 1], &mut meter);
        }
        Poll::Pending
    })
    .await;
    SideWork { count, time: start.elapsed(), cpu: cpu_time() - cpu, meter }
}

/// Answers calls until it is stopped.
async fn answers(mut peer: ContentionPeer, mut stopped: oneshot::Receiver<()>) -> SideWork {
    let (mut out, mut invocations, mut meter) = (Vec::new(), Vec::new(), LatencyMeter::default());
    let (mut count, start, cpu) = (0, Instant::now(), cpu_time());
    poll_fn(|context| {
        peer.drain(context, &mut out, |message, _| invocations.push(invocation_of(message)));
        count += invocations.len();
        for invocation in invocations.drain(..) {
            peer.receive(&yielded(invocation), &mut meter);
        }
        Pin::new(&mut stopped).poll(context).map(drop)
    })
    .await;
    SideWork { count, time: start.elapsed(), cpu: cpu_time() - cpu, meter }
}

/// The number of the call that a RESULT ends.
///
/// # Panics
/// The message is of another kind.
fn call_of(message: &RouterMessage) -> u64 {
    match message {
        RouterMessage::Result(result) => result.request.number(),
        other => panic!("a caller was sent {}", other.name()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::measure;

    #[test]
    fn calls_are_answered_on_one_thread_and_across_two() {
        // On a busy machine there may be too few calls to have timed one.
        let measured = [30, 300, 3_000, 30_000].into_iter().any(|milliseconds| {
            let found = measure(Duration::from_millis(milliseconds), 0.0).expect("runtimes");
            let cells: Vec<_> = found.iter().map(|cell| (cell.in_flight, cell.threads)).collect();
            assert_eq!(cells, [(1, 1), (1, 2), (100, 1), (100, 2)]);
            found.iter().all(|cell| cell.rate > 0.0 && cell.under_lock_ns > 0.0)
        });
        assert!(measured);
    }
}
