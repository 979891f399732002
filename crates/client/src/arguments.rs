//! The arguments of a request: encoding, and the builder methods that calls and publications share.

use cloverleaf_wamp::payload::Payload;
use serde::Serialize;

use crate::error::Error;
use crate::session::Session;

/// Encoded arguments, or the first fault that a builder met.
pub(crate) type EncodedArgs = Result<Payload, Error>;

/// Encodes positional arguments in the session's format.
pub(crate) fn args(session: &Session, args: &impl Serialize) -> EncodedArgs {
    Ok(Payload::from_args(session.shared().serializer, args)?)
}

/// Encodes positional and keyword arguments in the session's format.
pub(crate) fn args_and_kwargs(
    session: &Session,
    args: &impl Serialize,
    kwargs: &impl Serialize,
) -> EncodedArgs {
    Ok(Payload::from_args_and_kwargs(session.shared().serializer, args, kwargs)?)
}

/// Defines the builder methods that set arguments and custom attributes. The builder has the fields
/// `session`, `payload: EncodedArgs` and `options` with the field `passthru`. `$receivers` names
/// the receivers of the message in the documentation.
macro_rules! argument_methods {
    ($builder:ident, $receivers:literal) => {
        impl $builder {
            /// Positional arguments: a tuple, an array or a `Vec`.
            pub fn args(mut self, args: impl serde::Serialize) -> Self {
                self.payload =
                    self.payload.and_then(|_| $crate::arguments::args(&self.session, &args));
                self
            }

            /// Positional and keyword arguments; the latter are a struct or a map.
            pub fn args_and_kwargs(
                mut self,
                args: impl serde::Serialize,
                kwargs: impl serde::Serialize,
            ) -> Self {
                self.payload = self.payload.and_then(|_| {
                    $crate::arguments::args_and_kwargs(&self.session, &args, &kwargs)
                });
                self
            }

            /// Arguments that are encoded already.
            pub fn payload(mut self, payload: $crate::Payload) -> Self {
                self.payload = self.payload.map(|_| payload);
                self
            }

            #[doc = concat!("An opaque payload that only ", $receivers, " can read. Replaces the")]
            /// arguments. Spec: advanced profile "Payload Passthru Mode".
            pub fn passthru(mut self, passthru: $crate::Passthru) -> Self {
                let Self { session, options, payload, .. } = &mut self;
                if payload.is_ok() {
                    let format = session.shared().serializer;
                    let sealed = passthru.into_message(format, &mut options.passthru);
                    *payload = sealed.map_err($crate::Error::from);
                }
                self
            }

            #[doc = concat!("A custom attribute for ", $receivers, ", such as `_trace`. Its key is")]
            /// an underscore followed by three or more of `a-z`, `0-9` and `_`. An invalid key
            /// fails the request.
            pub fn attribute(mut self, key: &str, value: impl serde::Serialize) -> Self {
                let format = self.session.shared().serializer;
                let passthru = &mut self.options.passthru;
                if let Err(fault) = $crate::attributes::insert(passthru, format, key, &value) {
                    self.payload = self.payload.and(Err(fault.into()));
                }
                self
            }
        }
    };
}

pub(crate) use argument_methods;
