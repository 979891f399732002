//! rmp-serde, which has no opaque values: the payload becomes an `rmpv::Value`.

use rmpv::Value;
use serde::{Deserialize, Serialize};

use crate::sample::{
    Details, Fault, PUBLICATION, REGISTRATION, REQUEST, Request, RequestOptions, check,
};

#[derive(Deserialize)]
struct Elements<'f>(u64, u64, RequestOptions, #[serde(borrow)] &'f str, Value);

/// Takes a message with Arguments and without ArgumentsKw.
pub(crate) fn decode(frame: &[u8]) -> Result<Request<Value>, Fault> {
    let Elements(code, request, options, uri, args) =
        rmp_serde::from_slice(frame).map_err(|_| Fault::Syntax)?;
    check(code, request, 5)?;
    Ok(Request { request, options, uri: uri.into(), args: Some(args), kwargs: None })
}

pub(crate) fn value(payload: &[u8]) -> Value {
    rmp_serde::from_slice(payload).expect("a value")
}

pub(crate) fn invocation(details: &Details, args: &Value, out: &mut Vec<u8>) {
    write(&(68, REQUEST, REGISTRATION, details, args), out);
}

pub(crate) fn result(details: &Details, args: &Value, out: &mut Vec<u8>) {
    write(&(50, REQUEST, details, args), out);
}

pub(crate) fn event(details: &Details, args: &Value, out: &mut Vec<u8>) {
    write(&(36, REGISTRATION, PUBLICATION, details, args), out);
}

fn write(message: &impl Serialize, out: &mut Vec<u8>) {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    message.serialize(&mut serializer).expect("a message");
}
