//! rmp: the head by its functions, the payload by a loop over its markers.

use bytes::Bytes;
use rmp::Marker;
use rmp::decode::{read_array_len, read_bool, read_int, read_map_len, read_marker};
use rmp::encode;

use crate::sample::{
    Details, Fault, PUBLICATION, REGISTRATION, REQUEST, Request, RequestOptions, check,
};

/// The deepest nesting of a payload.
const MAX_DEPTH: usize = 128;

pub(crate) fn decode(frame: &Bytes) -> Result<Request<Bytes>, Fault> {
    let mut rest = &frame[..];
    let elements = read_array_len(&mut rest).map_err(|_| Fault::Syntax)? as usize;
    let code: u64 = read_int(&mut rest).map_err(|_| Fault::Syntax)?;
    let request = read_int(&mut rest).map_err(|_| Fault::Syntax)?;
    check(code, request, elements)?;
    let options = options(&mut rest)?;
    let uri = text(&mut rest)?.into();
    let is_list = |byte: u8| matches!(byte, 0x90..=0x9f | 0xdc | 0xdd);
    let is_map = |byte: u8| matches!(byte, 0x80..=0x8f | 0xde | 0xdf);
    let args = if elements > 4 { Some(shared(frame, &mut rest, is_list)?) } else { None };
    let kwargs = if elements > 5 { Some(shared(frame, &mut rest, is_map)?) } else { None };
    if !rest.is_empty() {
        return Err(Fault::TrailingBytes);
    }
    Ok(Request { request, options, uri, args, kwargs })
}

fn shared(frame: &Bytes, rest: &mut &[u8], begins: impl Fn(u8) -> bool) -> Result<Bytes, Fault> {
    let start = *rest;
    if !start.first().copied().is_some_and(begins) {
        return Err(Fault::Type);
    }
    skip(rest)?;
    Ok(frame.slice_ref(&start[..start.len() - rest.len()]))
}

fn options(rest: &mut &[u8]) -> Result<RequestOptions, Fault> {
    let mut options = RequestOptions::default();
    for _ in 0..read_map_len(rest).map_err(|_| Fault::Type)? {
        match text(rest)? {
            "timeout" => options.timeout = Some(read_int(rest).map_err(|_| Fault::Type)?),
            "receive_progress" => options.receive_progress = Some(boolean(rest)?),
            "progress" => options.progress = Some(boolean(rest)?),
            "acknowledge" => options.acknowledge = Some(boolean(rest)?),
            "exclude_me" => options.exclude_me = Some(boolean(rest)?),
            "disclose_me" => options.disclose_me = Some(boolean(rest)?),
            "retain" => options.retain = Some(boolean(rest)?),
            "rkey" => options.rkey = Some(text(rest)?.to_owned()),
            "ppt_scheme" => options.ppt_scheme = Some(text(rest)?.to_owned()),
            "ppt_serializer" => options.ppt_serializer = Some(text(rest)?.to_owned()),
            _ => skip(rest)?,
        }
    }
    Ok(options)
}

fn boolean(rest: &mut &[u8]) -> Result<bool, Fault> {
    read_bool(rest).map_err(|_| Fault::Type)
}

fn text<'f>(rest: &mut &'f [u8]) -> Result<&'f str, Fault> {
    let (text, after) = rmp::decode::read_str_from_slice(*rest).map_err(|_| Fault::Type)?;
    *rest = after;
    Ok(text)
}

/// Skips one value and checks that its strings are UTF-8 and its keys text or integers.
fn skip(rest: &mut &[u8]) -> Result<(), Fault> {
    let mut open = smallvec::SmallVec::<[(usize, bool); 8]>::new();
    let (mut left, mut is_map) = (1_usize, false);
    loop {
        while left == 0 {
            let Some(outer) = open.pop() else { return Ok(()) };
            (left, is_map) = outer;
        }
        let is_key = is_map && left.is_multiple_of(2);
        left -= 1;
        let marker = read_marker(rest).map_err(|_| Fault::Syntax)?;
        let inner = match marker {
            Marker::FixStr(length) => utf8(rest, length.into())?,
            Marker::Str8 => sized::<1>(rest, utf8)?,
            Marker::Str16 => sized::<2>(rest, utf8)?,
            Marker::Str32 => sized::<4>(rest, utf8)?,
            Marker::FixPos(_) | Marker::FixNeg(_) => None,
            Marker::U8 | Marker::I8 => bytes(rest, 1)?,
            Marker::U16 | Marker::I16 => bytes(rest, 2)?,
            Marker::U32 | Marker::I32 => bytes(rest, 4)?,
            Marker::U64 | Marker::I64 => bytes(rest, 8)?,
            _ if is_key => return Err(Fault::Type),
            Marker::Null | Marker::True | Marker::False => None,
            Marker::F32 => bytes(rest, 4)?,
            Marker::F64 => bytes(rest, 8)?,
            Marker::Bin8 => sized::<1>(rest, bytes)?,
            Marker::Bin16 => sized::<2>(rest, bytes)?,
            Marker::Bin32 => sized::<4>(rest, bytes)?,
            Marker::FixExt1 => bytes(rest, 2)?,
            Marker::FixExt2 => bytes(rest, 3)?,
            Marker::FixExt4 => bytes(rest, 5)?,
            Marker::FixExt8 => bytes(rest, 9)?,
            Marker::FixExt16 => bytes(rest, 17)?,
            Marker::Ext8 => sized::<1>(rest, extension)?,
            Marker::Ext16 => sized::<2>(rest, extension)?,
            Marker::Ext32 => sized::<4>(rest, extension)?,
            Marker::FixArray(length) => Some((length.into(), false)),
            Marker::Array16 => Some((length::<2>(rest)?, false)),
            Marker::Array32 => Some((length::<4>(rest)?, false)),
            Marker::FixMap(length) => Some((2 * usize::from(length), true)),
            Marker::Map16 => Some((2 * length::<2>(rest)?, true)),
            Marker::Map32 => Some((2 * length::<4>(rest)?, true)),
            Marker::Reserved => return Err(Fault::Syntax),
        };
        if let Some(inner) = inner {
            if open.len() == MAX_DEPTH || inner.0 > rest.len() {
                return Err(Fault::Syntax);
            }
            open.push((left, is_map));
            (left, is_map) = inner;
        }
    }
}

/// The number of values of a list or map that begins; none for a scalar.
type Inner = Option<(usize, bool)>;

fn take<'f>(rest: &mut &'f [u8], length: usize) -> Result<&'f [u8], Fault> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Fault::Syntax)?;
    *rest = after;
    Ok(taken)
}

fn bytes(rest: &mut &[u8], length: usize) -> Result<Inner, Fault> {
    take(rest, length).map(|_| None)
}

fn extension(rest: &mut &[u8], length: usize) -> Result<Inner, Fault> {
    bytes(rest, length + 1)
}

fn utf8(rest: &mut &[u8], length: usize) -> Result<Inner, Fault> {
    match simdutf8::basic::from_utf8(take(rest, length)?) {
        Ok(_) => Ok(None),
        Err(_) => Err(Fault::Syntax),
    }
}

fn sized<const N: usize>(
    rest: &mut &[u8],
    skip: fn(&mut &[u8], usize) -> Result<Inner, Fault>,
) -> Result<Inner, Fault> {
    let length = length::<N>(rest)?;
    skip(rest, length)
}

fn length<const N: usize>(rest: &mut &[u8]) -> Result<usize, Fault> {
    Ok(take(rest, N)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
}

fn start(out: &mut Vec<u8>, numbers: &[u64], details: &Details) {
    encode::write_array_len(out, numbers.len() as u32 + 2).expect("memory");
    for number in numbers {
        encode::write_uint(out, *number).expect("memory");
    }
    encode::write_map_len(out, details.entries()).expect("memory");
    if let Some(procedure) = &details.procedure {
        encode::write_str(out, "procedure").expect("memory");
        encode::write_str(out, procedure).expect("memory");
    }
    for (key, value) in
        [("progress", details.progress), ("receive_progress", details.receive_progress)]
    {
        if let Some(value) = value {
            encode::write_str(out, key).expect("memory");
            encode::write_bool(out, value).expect("memory");
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
