//! The options of each mode.

use std::time::Duration;

use clap::Args;
use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;
use serde::Serialize;

use super::target::{Address, LoadTarget};

mod shown;

/// Options of all modes.
#[derive(Debug, Args, Serialize)]
pub(super) struct CommonOptions {
    /// The realm to join.
    #[arg(long, default_value = "realm1")]
    pub(super) realm: String,
    /// json, msgpack, cbor, ubjson or bjdata.
    #[arg(long, default_value = "msgpack", value_parser = serializer)]
    #[serde(serialize_with = "shown::serializer")]
    pub(super) serializer: Serializer,
    /// Duration of the measurement.
    #[arg(long = "seconds", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    #[serde(rename = "seconds", serialize_with = "shown::seconds")]
    pub(super) measured: Duration,
    /// Duration of the load before the measurement.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    #[serde(serialize_with = "shown::seconds")]
    pub(super) warm_up: Duration,
    /// The process of the router, whose CPU time and memory are reported.
    #[arg(long, value_name = "PID")]
    pub(super) router_pid: Option<u32>,
}

/// Options of modes that need a router.
#[derive(Debug, Args, Serialize)]
pub(super) struct RouterOptions {
    /// Where the router listens.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::address")]
    url: Address,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: CommonOptions,
}

impl RouterOptions {
    pub(super) fn target(&self) -> LoadTarget {
        LoadTarget { address: self.url.clone(), serializer: self.common.serializer, bare: false }
    }
}

#[derive(Debug, Args, Serialize)]
pub(super) struct RpcOptions {
    /// Where the router listens.
    #[arg(long, value_name = "URL", required_unless_present = "forwarder")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) url: Option<Address>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: CommonOptions,
    /// Sessions that call.
    #[arg(long, default_value = "1")]
    pub(super) connections: usize,
    /// Calls in flight of each caller; 1 for sequential calls.
    #[arg(long, default_value = "1")]
    pub(super) in_flight: usize,
    /// Bytes of text in each call and result, beside two numbers.
    #[arg(long, value_name = "OCTETS", default_value = "16")]
    pub(super) payload: usize,
    /// Sessions that answer.
    #[arg(long, default_value = "1")]
    pub(super) callees: usize,
    /// Policy that chooses among several callees: roundrobin, random, first or last. [default:
    /// roundrobin, or single for one callee]
    #[arg(long, value_parser = invoke)]
    #[serde(serialize_with = "shown::invoke")]
    pub(super) invoke: Option<InvokePolicy>,
    /// Where the callees connect, if not where the callers do.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) callee_url: Option<Address>,
    /// Serializer of the callees, if not that of the callers.
    #[arg(long, value_name = "SERIALIZER", value_parser = serializer)]
    #[serde(serialize_with = "shown::optional_serializer")]
    pub(super) callee_serializer: Option<Serializer>,
    /// Measures the yardstick 'forwarder', which listens on this Unix socket, instead of a router:
    /// it copies frames unchanged, without handshake and sessions.
    #[arg(long, value_name = "unix:PATH",
          conflicts_with_all = ["url", "callee_url", "callee_serializer"])]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) forwarder: Option<Address>,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct FanoutOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: RouterOptions,
    /// Sessions that publish, all to one topic.
    #[arg(long, default_value = "1")]
    pub(super) publishers: usize,
    /// Sessions that subscribe.
    #[arg(long, default_value = "100")]
    pub(super) subscribers: usize,
    /// Publications of each publisher that not all subscribers have received. If the router's
    /// queues hold fewer, events are lost.
    #[arg(long, default_value = "64")]
    pub(super) window: usize,
    /// Match policy of the subscriptions: exact, prefix or wildcard.
    #[arg(long = "match", value_name = "POLICY", default_value = "exact", value_parser = policy)]
    #[serde(rename = "match", serialize_with = "shown::policy")]
    pub(super) policy: MatchPolicy,
    /// Bytes of text in each event, beside two numbers.
    #[arg(long, value_name = "OCTETS", default_value = "16")]
    pub(super) payload: usize,
    /// Where the subscribers connect, if not where the publishers do.
    #[arg(long, value_name = "URL")]
    #[serde(serialize_with = "shown::optional_address")]
    pub(super) subscriber_url: Option<Address>,
    /// Serializer of the subscribers, if not that of the publishers.
    #[arg(long, value_name = "SERIALIZER", value_parser = serializer)]
    #[serde(serialize_with = "shown::optional_serializer")]
    pub(super) subscriber_serializer: Option<Serializer>,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct StormOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: RouterOptions,
    /// Sessions that are joining at the same time.
    #[arg(long, default_value = "64")]
    pub(super) at_once: usize,
    /// Sessions that stay open; the oldest beyond them disconnect.
    #[arg(long, default_value = "1000")]
    pub(super) sessions: usize,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct IdleOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: RouterOptions,
    /// Idle sessions.
    #[arg(long, default_value = "1000")]
    pub(super) sessions: usize,
    /// Sessions that are joining at the same time.
    #[arg(long, default_value = "64")]
    pub(super) at_once: usize,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct ChurnOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) router: RouterOptions,
    /// Sessions that make and remove registrations and subscriptions.
    #[arg(long, default_value = "10")]
    pub(super) connections: usize,
    /// URIs of each of them, with one request in flight for each.
    #[arg(long, default_value = "10")]
    pub(super) in_flight: usize,
    /// Calls in flight beside them, between two more sessions; 0 for none.
    #[arg(long, default_value = "10")]
    pub(super) calls: usize,
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
