//! Custom attributes: values that an application sends beside the arguments, such as a trace id.
//!
//! A key is an underscore followed by three or more of `a-z`, `0-9` and `_`. The router passes
//! attributes on from CALL to INVOCATION, from YIELD to RESULT and from PUBLISH to EVENT. Spec:
//! basic profile "Extensibility".

use cloverleaf_wamp::codec::ser::ValueError;
use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Encoded;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;

/// Adds an attribute to the options or details of a message.
///
/// # Errors
/// When the key is invalid, the value cannot be encoded, or the message has too many attributes.
pub(crate) fn insert(
    passthru: &mut Option<Box<PassthruDetails>>,
    serializer: Serializer,
    key: &str,
    value: &impl Serialize,
) -> Result<(), ValueError> {
    let value = Encoded::from_value(serializer, value)?;
    let custom = passthru.get_or_insert_default().custom.get_or_insert_default();
    custom.insert(key, value).map_err(ValueError::custom)
}

/// The value of an attribute; none if the message lacks it.
///
/// # Errors
/// When the value has another type.
pub(crate) fn read<T: DeserializeOwned>(
    passthru: Option<&PassthruDetails>,
    key: &str,
) -> Result<Option<T>, ValueError> {
    let custom = passthru.and_then(|passthru| passthru.custom.as_ref());
    custom.and_then(|custom| custom.at(key)).map(Encoded::to_value).transpose()
}
