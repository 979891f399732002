//! serde_json with `RawValue`.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::sample::{
    Details, Fault, PUBLICATION, REGISTRATION, REQUEST, Request, RequestOptions, check,
};

struct Elements<'f>(Request<&'f RawValue>);

impl<'f> Deserialize<'f> for Elements<'f> {
    fn deserialize<D: Deserializer<'f>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'f> Visitor<'f> for ElementsVisitor {
    type Value = Elements<'f>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CALL or PUBLISH")
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut list: A) -> Result<Elements<'f>, A::Error> {
        let missing = || A::Error::custom("too few elements");
        let code = list.next_element()?.ok_or_else(missing)?;
        let request = list.next_element()?.ok_or_else(missing)?;
        let options: RequestOptions = list.next_element()?.ok_or_else(missing)?;
        let uri: Text<'f> = list.next_element()?.ok_or_else(missing)?;
        let args: Option<&RawValue> = list.next_element()?;
        let kwargs: Option<&RawValue> = list.next_element()?;
        check(code, request, 4).map_err(|_| A::Error::custom("a wrong head"))?;
        let is_list = args.is_none_or(|args| args.get().starts_with('['));
        let is_map = kwargs.is_none_or(|kwargs| kwargs.get().starts_with('{'));
        if !is_list || !is_map {
            return Err(A::Error::custom("a wrong payload"));
        }
        Ok(Elements(Request { request, options, uri: (&*uri.0).into(), args, kwargs }))
    }
}

/// Text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'f>(#[serde(borrow)] Cow<'f, str>);

pub(crate) fn decode(frame: &Bytes) -> Result<Request<Bytes>, Fault> {
    let Elements(Request { request, options, uri, args, kwargs }) =
        serde_json::from_slice(frame).map_err(|_| Fault::Syntax)?;
    let shared = |value: &RawValue| frame.slice_ref(value.get().as_bytes());
    Ok(Request { request, options, uri, args: args.map(shared), kwargs: kwargs.map(shared) })
}

/// A payload that is known to be valid.
pub(crate) fn raw(payload: &str) -> Box<RawValue> {
    RawValue::from_string(payload.to_owned()).expect("the sample is JSON")
}

pub(crate) fn invocation(details: &Details, args: &RawValue, out: &mut Vec<u8>) {
    let message = (68, REQUEST, REGISTRATION, details, args);
    serde_json::to_writer(out, &message).expect("a message");
}

pub(crate) fn result(details: &Details, args: &RawValue, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &(50, REQUEST, details, args)).expect("a message");
}

pub(crate) fn event(details: &Details, args: &RawValue, out: &mut Vec<u8>) {
    let message = (36, REGISTRATION, PUBLICATION, details, args);
    serde_json::to_writer(out, &message).expect("a message");
}
