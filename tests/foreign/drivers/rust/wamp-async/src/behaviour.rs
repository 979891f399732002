//! What registered procedures do.
//!
//! Not for `hang`, `count` and `details`: wamp_async knows neither INTERRUPT nor progressive
//! results, and tells a procedure no details of its call.

use serde::Deserialize;
use serde_json::Value;
use wamp_async::{WampArgs, WampError, WampKwArgs};

/// What a procedure is given, and what it gives back.
pub(crate) type Payload = (Option<WampArgs>, Option<WampKwArgs>);

/// What a registered procedure does.
#[derive(Deserialize)]
#[serde(tag = "behaviour", rename_all = "lowercase")]
pub(crate) enum Behaviour {
    Echo,
    Add,
    Value { value: Value },
    Fail,
}

impl Behaviour {
    /// What the procedure returns for these arguments.
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
