//! The command line of `cloverleaf-bench`: what may be asked, and which load does it.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::serializer::Serializer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Serialize, Serializer as Encoder};

use super::connections::Connections;
use super::course::{self, Timing};
use super::opening::{ask, open_sessions};
use super::process::Process;
use super::report::{Progress, Report};
use super::rpc::{self, Rpc};
use super::target::{Address, Target};

/// Loads a WAMP router and says how it bears it.
///
/// All sessions live on one thread of this program. It needs a realm in which anonymous sessions
/// may register, call, subscribe and publish. At the end one line of JSON stands on the standard
/// output: rate, latencies, errors, losses, CPU time. The status is 1 when anything failed, was
/// wrong, out of order or lost. While it runs, it shows figures on the standard error if that is a
/// terminal.
///
/// URLs: ws://HOST[:PORT][/PATH], rs://HOST:PORT (RawSocket), unix:PATH (RawSocket).
#[derive(Debug, Parser)]
#[command(name = "cloverleaf-bench", version)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Calls per second: each caller keeps some in flight, callees answer with what came.
    Rpc(RpcArgs),
}

/// What every load is told.
#[derive(Debug, Args, Serialize)]
struct Common {
    /// Where the router listens.
    #[arg(long, value_name = "URL", required_unless_present = "forwarder")]
    #[serde(serialize_with = "shown_address")]
    url: Option<Address>,
    /// The realm that is joined.
    #[arg(long, default_value = "realm1")]
    realm: String,
    /// json, msgpack or cbor.
    #[arg(long, default_value = "msgpack", value_parser = serializer)]
    #[serde(serialize_with = "shown_serializer")]
    serializer: Serializer,
    /// How long is measured.
    #[arg(long, default_value = "5")]
    seconds: f64,
    /// How many seconds go before.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    warm_up: f64,
    /// The process of the router, whose CPU time and memory are told then.
    #[arg(long, value_name = "PID")]
    router_pid: Option<u32>,
}

#[derive(Debug, Args, Serialize)]
struct RpcArgs {
    #[command(flatten)]
    #[serde(flatten)]
    common: Common,
    /// Sessions that call.
    #[arg(long, default_value = "1")]
    connections: usize,
    /// Calls that each of them keeps in flight; 1 for one after the other.
    #[arg(long, default_value = "1")]
    in_flight: usize,
    /// Octets of text in each call and result, beside two numbers.
    #[arg(long, value_name = "OCTETS", default_value = "16")]
    payload: usize,
    /// Sessions that answer.
    #[arg(long, default_value = "1")]
    callees: usize,
    /// Which callee is chosen: single, roundrobin, random, first, last. Roundrobin when there are
    /// several.
    #[arg(long, value_parser = invoke)]
    #[serde(serialize_with = "shown_invoke")]
    invoke: Option<InvokePolicy>,
    /// Where the callees connect, if not as the callers.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown_address")]
    callee_url: Option<Address>,
    /// What the callees speak, if not what the callers do.
    #[arg(long, value_name = "SERIALIZER", value_parser = serializer)]
    #[serde(serialize_with = "shown_optional_serializer")]
    callee_serializer: Option<Serializer>,
    /// Measures the yardstick `forwarder`, which listens on this Unix socket, in a router's place:
    /// frames pass it as they are, without handshake and sessions.
    #[arg(long, value_name = "unix:PATH", conflicts_with = "url")]
    #[serde(serialize_with = "shown_address")]
    forwarder: Option<Address>,
}

impl Common {
    fn target(&self) -> io::Result<Target> {
        let address = self.url.clone().ok_or_else(|| io::Error::other("--url is missing"))?;
        Ok(Target { address, serializer: self.serializer, bare: false })
    }

    fn router(&self) -> Option<Process> {
        self.router_pid.map(Process::new)
    }

    fn timing(&self) -> Timing {
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Timing { warm_up: seconds(self.warm_up), measured: seconds(self.seconds) }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    raise_limit_of_files();
    let outcome = match &cli.mode {
        Mode::Rpc(args) => run_rpc(args).map(|report| with_options(report, args)),
    };
    match outcome {
        Ok(report) => tell(&report),
        Err(error) => {
            eprintln!("cloverleaf-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(report: &Report) -> ExitCode {
    match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("cloverleaf-bench: {error}"),
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn with_options(report: Report, options: &impl Serialize) -> Report {
    Report { options: serde_json::to_value(options).unwrap_or_default(), ..report }
}

fn run_rpc(args: &RpcArgs) -> io::Result<Report> {
    let mut connections = Connections::new()?;
    let mut load = match &args.forwarder {
        Some(address) => over_forwarder(&mut connections, args, address)?,
        None => over_router(&mut connections, args)?,
    };
    let mut progress = Progress::new("rpc");
    let common = &args.common;
    let timing = common.timing();
    let span =
        course::run(&mut connections, &mut load, timing, common.router(), &mut progress)?;
    Ok(Report::new("rpc", "calls", course::Load::tally(&mut load), span))
}

fn over_forwarder(
    connections: &mut Connections,
    args: &RpcArgs,
    address: &Address,
) -> io::Result<Rpc> {
    let target =
        Target { address: address.clone(), serializer: args.common.serializer, bare: true };
    let callee = connections.open(&target)?;
    let caller = connections.open(&target)?;
    Ok(Rpc::new(&[caller], &[callee], args.in_flight, args.payload).without_router())
}

fn over_router(connections: &mut Connections, args: &RpcArgs) -> io::Result<Rpc> {
    let common = &args.common;
    let caller = common.target()?;
    let callee = Target {
        address: args.callee_url.clone().unwrap_or_else(|| caller.address.clone()),
        serializer: args.callee_serializer.unwrap_or(caller.serializer),
        bare: false,
    };
    let several = if args.callees > 1 { InvokePolicy::RoundRobin } else { InvokePolicy::Single };
    let invoke = args.invoke.unwrap_or(several);
    let callees = open_sessions(connections, &vec![&callee; args.callees], &common.realm)?;
    let requests: Vec<_> = callees.iter().map(|&which| (which, rpc::register(invoke))).collect();
    ask(connections, &requests)?;
    let callers = open_sessions(connections, &vec![&caller; args.connections], &common.realm)?;
    Ok(Rpc::new(&callers, &callees, args.in_flight, args.payload))
}

/// Ten thousand sessions are ten thousand open files.
fn raise_limit_of_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it stays as it is, a session that can't be opened says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn serializer(name: &str) -> Result<Serializer, String> {
    Serializer::from_name(name).ok_or_else(|| "choose json, msgpack or cbor".to_owned())
}

fn invoke(name: &str) -> Result<InvokePolicy, String> {
    InvokePolicy::from_name(name)
        .ok_or_else(|| "choose single, roundrobin, random, first or last".to_owned())
}

fn shown_address<E: Encoder>(address: &Option<Address>, encoder: E) -> Result<E::Ok, E::Error> {
    address.as_ref().map(Address::to_string).serialize(encoder)
}

fn shown_serializer<E: Encoder>(serializer: &Serializer, encoder: E) -> Result<E::Ok, E::Error> {
    serializer.name().serialize(encoder)
}

fn shown_optional_serializer<E: Encoder>(
    serializer: &Option<Serializer>,
    encoder: E,
) -> Result<E::Ok, E::Error> {
    serializer.map(Serializer::name).serialize(encoder)
}

fn shown_invoke<E: Encoder>(policy: &Option<InvokePolicy>, encoder: E) -> Result<E::Ok, E::Error> {
    policy.map(InvokePolicy::name).serialize(encoder)
}
