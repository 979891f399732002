//! minicbor: the head by its decoder, the payload by `skip`. That checks neither keys nor the
//! depth, so it does less than the codecs of this repository.

use bytes::Bytes;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::sample::{
    Details, Fault, PUBLICATION, REGISTRATION, REQUEST, Request, RequestOptions, check,
};

/// Messages and options of definite length.
pub(crate) fn decode(frame: &Bytes) -> Result<Request<Bytes>, Fault> {
    let mut decoder = Decoder::new(frame);
    let elements = decoder.array().map_err(syntax)?.ok_or(Fault::Arity)? as usize;
    let code = decoder.u64().map_err(syntax)?;
    let request = decoder.u64().map_err(syntax)?;
    check(code, request, elements)?;
    let options = options(&mut decoder)?;
    let uri = decoder.str().map_err(syntax)?.into();
    let lists = [Type::Array, Type::ArrayIndef];
    let maps = [Type::Map, Type::MapIndef];
    let args = if elements > 4 { Some(shared(frame, &mut decoder, lists)?) } else { None };
    let kwargs = if elements > 5 { Some(shared(frame, &mut decoder, maps)?) } else { None };
    if decoder.position() != frame.len() {
        return Err(Fault::TrailingBytes);
    }
    Ok(Request { request, options, uri, args, kwargs })
}

fn shared(frame: &Bytes, decoder: &mut Decoder<'_>, types: [Type; 2]) -> Result<Bytes, Fault> {
    if !types.contains(&decoder.datatype().map_err(syntax)?) {
        return Err(Fault::Type);
    }
    let start = decoder.position();
    decoder.skip().map_err(syntax)?;
    Ok(frame.slice(start..decoder.position()))
}

fn options(decoder: &mut Decoder<'_>) -> Result<RequestOptions, Fault> {
    let mut options = RequestOptions::default();
    for _ in 0..decoder.map().map_err(syntax)?.ok_or(Fault::Type)? {
        match decoder.str().map_err(syntax)? {
            "timeout" => options.timeout = Some(decoder.u64().map_err(syntax)?),
            "receive_progress" => options.receive_progress = Some(boolean(decoder)?),
            "progress" => options.progress = Some(boolean(decoder)?),
            "acknowledge" => options.acknowledge = Some(boolean(decoder)?),
            "exclude_me" => options.exclude_me = Some(boolean(decoder)?),
            "disclose_me" => options.disclose_me = Some(boolean(decoder)?),
            "retain" => options.retain = Some(boolean(decoder)?),
            "rkey" => options.rkey = Some(text(decoder)?),
            "ppt_scheme" => options.ppt_scheme = Some(text(decoder)?),
            "ppt_serializer" => options.ppt_serializer = Some(text(decoder)?),
            _ => decoder.skip().map_err(syntax)?,
        }
    }
    Ok(options)
}

fn boolean(decoder: &mut Decoder<'_>) -> Result<bool, Fault> {
    decoder.bool().map_err(syntax)
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, Fault> {
    decoder.str().map(str::to_owned).map_err(syntax)
}

fn syntax(_: minicbor::decode::Error) -> Fault {
    Fault::Syntax
}

fn start(out: &mut Vec<u8>, numbers: &[u64], details: &Details) {
    let mut encoder = Encoder::new(out);
    encoder.array(numbers.len() as u64 + 2).expect("memory");
    for number in numbers {
        encoder.u64(*number).expect("memory");
    }
    encoder.map(details.entries().into()).expect("memory");
    if let Some(procedure) = &details.procedure {
        encoder.str("procedure").expect("memory").str(procedure).expect("memory");
    }
    for (key, value) in
        [("progress", details.progress), ("receive_progress", details.receive_progress)]
    {
        if let Some(value) = value {
            encoder.str(key).expect("memory").bool(value).expect("memory");
        }
    }
}

pub(crate) fn invocation(details: &Details, args: &[u8], out: &mut Vec<u8>) {
    start(out, &[68, REQUEST, REGISTRATION], details);
    out.extend_from_slice(args);
}

pub(crate) fn result(details: &Details, args: &[u8], out: &mut Vec<u8>) {
    start(out, &[50, REQUEST], details);
    out.extend_from_slice(args);
}

pub(crate) fn event(details: &Details, args: &[u8], out: &mut Vec<u8>) {
    start(out, &[36, REGISTRATION, PUBLICATION], details);
    out.extend_from_slice(args);
}
