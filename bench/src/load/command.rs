//! The command line of `cloverleaf-bench`: what may be asked. What is done then: [`super::modes`].

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::modes;
use super::report::Report;
use super::target::{Address, Target};

mod shown;

/// Loads a WAMP router and says how it bears it.
///
/// All sessions live on one thread of this program. It needs a realm in which anonymous sessions
/// may register, call, subscribe and publish.
///
/// At the end one line of JSON stands on the standard output: rate, latencies, errors, losses,
/// CPU time. The status is 1 when anything failed, was wrong, out of order or lost. Meanwhile it
/// shows figures on the standard error, if that is a terminal.
///
/// A URL is ws://HOST:PORT/PATH for WebSocket, rs://HOST:PORT or unix:PATH for RawSocket.
#[derive(Debug, Parser)]
#[command(name = "cloverleaf-bench", version)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
enum Mode {
    /// Calls: each caller keeps some in flight, and callees answer with what came.
    ///
    /// The latency is that of a call, from CALL to RESULT.
    Rpc(Rpc),
    /// Publications: each subscriber must get each event once and in order.
    ///
    /// Counts events, one for each subscriber that receives a publication. The latency is that of
    /// an event, from PUBLISH to EVENT, and grows with the window.
    Fanout(Fanout),
    /// Joins: clients connect and join as fast as they can, and the oldest hang up.
    ///
    /// The latency is that of a join, from connecting to WELCOME.
    Storm(Storm),
    /// Sessions that do nothing: memory for each of them, and after them.
    ///
    /// The latency is that of joining. --seconds is how long they are held.
    Idle(Idle),
    /// Registrations and subscriptions that come and go, while calls go on beside them.
    ///
    /// The latency is that of a request: register, unregister, subscribe or unsubscribe.
    Churn(Churn),
}

/// What every load is told.
#[derive(Debug, Args, Serialize)]
pub(super) struct Common {
    /// The realm that is joined.
    #[arg(long, default_value = "realm1")]
    pub(super) realm: String,
    /// json, msgpack, cbor, ubjson or bjdata.
    #[arg(long, default_value = "msgpack", value_parser = serializer)]
    #[serde(serialize_with = "shown::serializer")]
    pub(super) serializer: Serializer,
    /// How long is measured.
    #[arg(long = "seconds", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    #[serde(rename = "seconds", serialize_with = "shown::seconds")]
    pub(super) measured: Duration,
    /// How long the load goes before it is measured.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    #[serde(serialize_with = "shown::seconds")]
    pub(super) warm_up: Duration,
    /// The process of the router, whose CPU time and memory are told then.
    #[arg(long, value_name = "PID")]
    pub(super) router_pid: Option<u32>,
}

/// Where a load goes that needs a router.
#[derive(Debug, Args, Serialize)]
pub(super) struct Router {
    /// Where the router listens.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::address")]
    url: Address,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
}

impl Router {
    pub(super) fn target(&self) -> Target {
        Target { address: self.url.clone(), serializer: self.common.serializer, bare: false }
    }
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Rpc {
    /// Where the router listens.
    #[arg(long, value_name = "URL", required_unless_present = "forwarder")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) url: Option<Address>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
    /// Sessions that call.
    #[arg(long, default_value = "1")]
    pub(super) connections: usize,
    /// Calls that each of them keeps in flight; 1 for one after the other.
    #[arg(long, default_value = "1")]
    pub(super) in_flight: usize,
    /// Octets of text in each call and result, beside two numbers.
    #[arg(long, value_name = "OCTETS", default_value = "16")]
    pub(super) payload: usize,
    /// Sessions that answer.
    #[arg(long, default_value = "1")]
    pub(super) callees: usize,
    /// How one of several callees is chosen: roundrobin, random, first or last. [default:
    /// roundrobin, or single for one callee]
    #[arg(long, value_parser = invoke)]
    #[serde(serialize_with = "shown::invoke")]
    pub(super) invoke: Option<InvokePolicy>,
    /// Where the callees connect, if not as the callers.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) callee_url: Option<Address>,
    /// What the callees speak, if not what the callers do.
    #[arg(long, value_name = "SERIALIZER", value_parser = serializer)]
    #[serde(serialize_with = "shown::optional_serializer")]
    pub(super) callee_serializer: Option<Serializer>,
    /// Measures the yardstick 'forwarder', which listens on this Unix socket, in a router's place:
    /// frames pass it as they are, without handshake and sessions.
    #[arg(long, value_name = "unix:PATH",
          conflicts_with_all = ["url", "callee_url", "callee_serializer"])]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) forwarder: Option<Address>,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Fanout {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: Router,
    /// Sessions that publish, all to one topic.
    #[arg(long, default_value = "1")]
    pub(super) publishers: usize,
    /// Sessions that subscribe.
    #[arg(long, default_value = "100")]
    pub(super) subscribers: usize,
    /// Publications of each publisher that not all subscribers have received. With more than the
    /// router's queues hold, events are lost.
    #[arg(long, default_value = "64")]
    pub(super) window: usize,
    /// How the subscriptions match: exact, prefix or wildcard.
    #[arg(long = "match", value_name = "POLICY", default_value = "exact", value_parser = policy)]
    #[serde(rename = "match", serialize_with = "shown::policy")]
    pub(super) policy: MatchPolicy,
    /// Octets of text in each event, beside two numbers.
    #[arg(long, value_name = "OCTETS", default_value = "16")]
    pub(super) payload: usize,
    /// Where the subscribers connect, if not as the publishers.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) subscriber_url: Option<Address>,
    /// What the subscribers speak, if not what the publishers do.
    #[arg(long, value_name = "SERIALIZER", value_parser = serializer)]
    #[serde(serialize_with = "shown::optional_serializer")]
    pub(super) subscriber_serializer: Option<Serializer>,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Storm {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: Router,
    /// Sessions that are on their way at once.
    #[arg(long, default_value = "64")]
    pub(super) at_once: usize,
    /// Sessions that are kept open; the oldest above them hang up.
    #[arg(long, default_value = "1000")]
    pub(super) sessions: usize,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Idle {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: Router,
    /// Sessions that are held.
    #[arg(long, default_value = "1000")]
    pub(super) sessions: usize,
    /// Sessions that are on their way at once.
    #[arg(long, default_value = "64")]
    pub(super) at_once: usize,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Churn {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: Router,
    /// Sessions whose registrations and subscriptions come and go.
    #[arg(long, default_value = "10")]
    pub(super) connections: usize,
    /// URIs of each of them, with one request in flight for each.
    #[arg(long, default_value = "10")]
    pub(super) in_flight: usize,
    /// Calls in flight beside them, between two more sessions; 0 for none.
    #[arg(long, default_value = "10")]
    pub(super) calls: usize,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    raise_limit_of_files();
    let outcome = match &cli.mode {
        Mode::Rpc(args) => modes::rpc(args),
        Mode::Fanout(args) => modes::fanout(args),
        Mode::Storm(args) => modes::storm(args),
        Mode::Idle(args) => modes::idle(args),
        Mode::Churn(args) => modes::churn(args),
    };
    let told = outcome.map_err(|error| error.to_string()).and_then(|report| {
        tell(&report, &cli.mode).map(|()| report.is_good()).map_err(|error| error.to_string())
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("cloverleaf-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The line of JSON: the report, and the options it was made with.
fn tell(report: &Report, options: &Mode) -> serde_json::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        report: &'a Report,
        options: &'a Mode,
    }
    println!("{}", serde_json::to_string(&Line { report, options })?);
    Ok(())
}

/// Ten thousand sessions are ten thousand open files.
fn raise_limit_of_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it stays as it is, a session that can't be opened says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn serializer(name: &str) -> Result<Serializer, String> {
    Serializer::from_name(name)
        .ok_or_else(|| "choose json, msgpack, cbor, ubjson or bjdata".to_owned())
}

fn invoke(name: &str) -> Result<InvokePolicy, String> {
    InvokePolicy::from_name(name)
        .ok_or_else(|| "choose single, roundrobin, random, first or last".to_owned())
}

fn policy(name: &str) -> Result<MatchPolicy, String> {
    MatchPolicy::from_name(name).ok_or_else(|| "choose exact, prefix or wildcard".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}
