//! The wire layout of messages: a list of elements, options and payload.

use super::options::Options;
use crate::codec::TokenWriter;
use crate::payload::{EncodeError, Payload, write_encoded};
use crate::serializer::Serializer;

/// Writes a message: `head` writes `elements` elements after the code, and the payload follows.
pub(super) fn write_list<W: TokenWriter>(
    serializer: Serializer,
    w: &mut W,
    code: u64,
    elements: usize,
    payload: &Payload,
    head: impl FnOnce(&mut W) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let arguments = match (payload.args(), payload.kwargs()) {
        (None, None) => 0,
        (Some(_), None) => 1,
        (_, Some(_)) => 2,
    };
    w.list_start(1 + elements + arguments);
    w.unsigned(code);
    head(w)?;
    match payload.args() {
        Some(args) => write_encoded(args, serializer, w)?,
        None if arguments == 2 => {
            w.list_start(0);
            w.list_end();
        }
        None => {}
    }
    if let Some(kwargs) = payload.kwargs() {
        write_encoded(kwargs, serializer, w)?;
    }
    w.list_end();
    Ok(())
}

pub(super) fn write_options<O: Options, W: TokenWriter>(
    serializer: Serializer,
    w: &mut W,
    options: &O,
) -> Result<(), EncodeError> {
    w.map_start(options.entries());
    options.write(serializer, w)?;
    w.map_end();
    Ok(())
}
