//! The arguments of a call or publication while its builder is filled in.

use cloverleaf_wamp::payload::Payload;
use serde::Serialize;

use crate::error::Error;
use crate::session::Session;

/// Encoded arguments, or why they could not be.
pub(crate) type Arguments = Result<Payload, Error>;

/// Positional arguments in the session's format.
pub(crate) fn args(session: &Session, args: &impl Serialize) -> Arguments {
    Ok(Payload::from_args(session.shared().serializer, args)?)
}

/// Positional and keyword arguments in the session's format.
pub(crate) fn args_and_kwargs(
    session: &Session,
    args: &impl Serialize,
    kwargs: &impl Serialize,
) -> Arguments {
    Ok(Payload::from_args_and_kwargs(session.shared().serializer, args, kwargs)?)
}
