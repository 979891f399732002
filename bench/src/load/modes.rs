//! The sessions and the report of each mode: one function for each mode of the command line.

use std::io;

use cloverleaf_wamp::message::{ClientMessage, InvokePolicy};

use super::churn::ChurnLoad;
use super::connections::LoadConnections;
use super::course::{self, TimedLoad, Timing};
use super::fanout::{self, FanoutLoad};
use super::idle;
use super::joining::JoiningClients;
use super::opening::{ask, open_sessions};
use super::options::{self, CommonOptions};
use super::process::Process;
use super::progress::ProgressLine;
use super::report::LoadReport;
use super::rpc::{self, RpcLoad};
use super::storm::StormLoad;
use super::target::LoadTarget;

/// Runs a load with the timing of the command line.
fn run(
    mode: &'static str,
    unit: &'static str,
    common: &CommonOptions,
    connections: &mut LoadConnections,
    load: &mut impl TimedLoad,
) -> io::Result<LoadReport> {
    let timing = Timing { warm_up: common.warm_up, measured: common.measured };
    let router = common.router_pid.map(Process::new);
    let usage = course::run(connections, load, timing, router, &mut ProgressLine::new(mode))?;
    Ok(LoadReport::new(mode, unit, load.tally(), usage))
}

/// Opens sessions at one target, each of which makes one request.
fn prepared(
    connections: &mut LoadConnections,
    target: &LoadTarget,
    realm: &str,
    count: usize,
    request: &ClientMessage,
) -> io::Result<Vec<usize>> {
    let sessions = open_sessions(connections, &vec![target; count], realm)?;
    ask(connections, &sessions, request)?;
    Ok(sessions)
}

pub(super) fn rpc(args: &options::RpcOptions) -> io::Result<LoadReport> {
    let mut connections = LoadConnections::new()?;
    let serializer = args.common.serializer;
    let mut load = match (&args.forwarder, &args.url) {
        (Some(address), _) => {
            let target = LoadTarget { address: address.clone(), serializer, bare: true };
            let callee = connections.open(&target)?;
            let caller = connections.open(&target)?;
            RpcLoad::new(&[caller], &[callee], args.in_flight, args.payload).without_router()
        }
        (None, Some(address)) => {
            let target = LoadTarget { address: address.clone(), serializer, bare: false };
            calls_over_router(&mut connections, args, &target)?
        }
        (None, None) => return Err(io::Error::other("--url or --forwarder is missing")),
    };
    run("rpc", "calls", &args.common, &mut connections, &mut load)
}

fn calls_over_router(
    connections: &mut LoadConnections,
    args: &options::RpcOptions,
    caller: &LoadTarget,
) -> io::Result<RpcLoad> {
    let mut callee = caller.clone();
    callee.address = args.callee_url.clone().unwrap_or(callee.address);
    callee.serializer = args.callee_serializer.unwrap_or(callee.serializer);
    let usual = if args.callees > 1 { InvokePolicy::RoundRobin } else { InvokePolicy::Single };
    let register = rpc::register(args.invoke.unwrap_or(usual));
    let realm = &args.common.realm;
    let callees = prepared(connections, &callee, realm, args.callees, &register)?;
    let callers = open_sessions(connections, &vec![caller; args.connections], realm)?;
    Ok(RpcLoad::new(&callers, &callees, args.in_flight, args.payload))
}

pub(super) fn fanout(args: &options::FanoutOptions) -> io::Result<LoadReport> {
    let mut connections = LoadConnections::new()?;
    let common = &args.router.common;
    let publisher = args.router.target();
    let mut subscriber = publisher.clone();
    subscriber.address = args.subscriber_url.clone().unwrap_or(subscriber.address);
    subscriber.serializer = args.subscriber_serializer.unwrap_or(subscriber.serializer);
    let subscribe = fanout::subscribe(args.policy);
    let realm = &common.realm;
    let subscribers = prepared(&mut connections, &subscriber, realm, args.subscribers, &subscribe)?;
    let publishers = open_sessions(&mut connections, &vec![&publisher; args.publishers], realm)?;
    let mut load = FanoutLoad::new(&publishers, &subscribers, args.window, args.payload);
    let report = run("fanout", "events", common, &mut connections, &mut load)?;
    let publications = report.rate / args.subscribers.max(1) as f64;
    let nanoseconds = 1e9 / report.rate;
    Ok(report
        .with("publications_per_s", publications)
        .with("ns_per_event_and_subscriber", nanoseconds))
}

pub(super) fn storm(args: &options::StormOptions) -> io::Result<LoadReport> {
    let common = &args.router.common;
    let joining = JoiningClients::new(args.router.target(), &common.realm, args.at_once);
    let mut load = StormLoad::new(joining, args.sessions);
    run("storm", "joins", common, &mut LoadConnections::new()?, &mut load)
}

pub(super) fn idle(args: &options::IdleOptions) -> io::Result<LoadReport> {
    let common = &args.router.common;
    let joining = JoiningClients::new(args.router.target(), &common.realm, args.at_once);
    let found = idle::run(
        &mut LoadConnections::new()?,
        joining,
        args.sessions,
        common.measured,
        common.router_pid.map(Process::new),
        &mut ProgressLine::new("idle"),
    )?;
    let mut report = LoadReport::new("idle", "sessions", &found.tally, found.usage);
    report.rate = report.count as f64 / found.opening_seconds;
    let of_each = found
        .with_sessions
        .zip(found.before)
        .map(|(with, before)| (with as f64 - before as f64) / args.sessions.max(1) as f64);
    Ok(report
        .with("opening_seconds", found.opening_seconds)
        .with("resident_kib_before", found.before)
        .with("resident_kib_with_sessions", found.with_sessions)
        .with("resident_kib_after", found.after)
        .with("resident_kib_per_session", of_each))
}

pub(super) fn churn(args: &options::ChurnOptions) -> io::Result<LoadReport> {
    let mut connections = LoadConnections::new()?;
    let common = &args.router.common;
    let target = args.router.target();
    let realm = &common.realm;
    let beside = usize::from(args.calls > 0);
    let register = rpc::register(InvokePolicy::Single);
    let callees = prepared(&mut connections, &target, realm, beside, &register)?;
    let callers = open_sessions(&mut connections, &vec![&target; beside], realm)?;
    let calls = RpcLoad::new(&callers, &callees, args.calls, 16);
    let sessions = open_sessions(&mut connections, &vec![&target; args.connections], realm)?;
    let mut load = ChurnLoad::new(&sessions, args.in_flight, calls);
    let mut report = run("churn", "requests", common, &mut connections, &mut load)?;
    let calls = load.calls();
    report.blame(calls);
    let quantile = |part| calls.latency.quantile(part) as f64 / 1e3;
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    let rate = calls.latency.total() as f64 / report.seconds;
    Ok(report.with("calls_per_s", rate).with("calls_p50_us", p50).with("calls_p99_us", p99))
}
