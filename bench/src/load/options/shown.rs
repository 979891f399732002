//! Serializes options for the line of JSON as they were given.

use std::time::Duration;

use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::serializer::Serializer as Format;
use cloverleaf_wamp::uri::MatchPolicy;
use serde::{Serialize, Serializer};

use crate::load::target::Address;

pub(super) fn address<S: Serializer>(address: &Address, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(address)
}

pub(super) fn optional_address<S: Serializer>(
    address: &Option<Address>,
    to: S,
) -> Result<S::Ok, S::Error> {
    address.as_ref().map(Address::to_string).serialize(to)
}

pub(super) fn serializer<S: Serializer>(format: &Format, to: S) -> Result<S::Ok, S::Error> {
    format.name().serialize(to)
}

pub(super) fn optional_serializer<S: Serializer>(
    format: &Option<Format>,
    to: S,
) -> Result<S::Ok, S::Error> {
    format.map(Format::name).serialize(to)
}

pub(super) fn invoke<S: Serializer>(
    policy: &Option<InvokePolicy>,
    to: S,
) -> Result<S::Ok, S::Error> {
    policy.map(InvokePolicy::name).serialize(to)
}

pub(super) fn policy<S: Serializer>(policy: &MatchPolicy, to: S) -> Result<S::Ok, S::Error> {
    policy.name().serialize(to)
}

pub(super) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(to)
}
