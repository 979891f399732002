//! The behaviours of registered procedures.
//!
//! `hang`, `count` and `details` are missing: wamp_async has neither INTERRUPT nor progressive
//! results, and passes a procedure no details of its call.

use serde::Deserialize;
use serde_json::Value;
use wamp_async::{WampArgs, WampError, WampKwArgs};

/// The arguments and the result of a procedure.
pub(crate) type Payload = (Option<WampArgs>, Option<WampKwArgs>);

/// The behaviour of a registered procedure.
#[derive(Deserialize)]
#[serde(tag = "behaviour", rename_all = "lowercase")]
pub(crate) enum Behaviour {
    Echo,
    Add,
    Value { value: Value },
    Fail,
}

impl Behaviour {
    /// The result of the procedure for these arguments.
    pub(crate) fn answer(&self, (args, kwargs): Payload) -> Result<Payload, WampError> {
        let value = match self {
            Self::Echo => return Ok((args, kwargs)),
            Self::Add => wamp_async::try_from_args::<(i64, i64)>(args.unwrap_or_default())
                .map(|(first, second)| Value::from(first + second))?,
            Self::Value { value } => value.clone(),
            Self::Fail => return Err(WampError::UnknownError("refused".to_owned())),
        };
        Ok((Some(vec![value]), None))
    }
}
