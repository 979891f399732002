//! Validation of payloads, where a permission has schemas.
//!
//! The host provides the schemas; this module asks one about a payload and gets a sentence for an
//! answer. Permissions are checked in `realm`, the answers of callees in `dealer`. A message whose
//! permission has no schemas costs one test of an [`Option`].
//!
//! An extension of this router: the names are those of Crossbar.io's `permission.validate`, and the
//! specification leaves payloads to applications.

use std::any::Any;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;

use crate::failure::RequestFailure;
use crate::limits::SharedLimits;

/// A schema of payloads, provided by the host.
pub trait PayloadSchema: fmt::Debug + Any + Send + Sync {
    /// Checks that a payload matches the schema.
    ///
    /// # Errors
    /// A sentence that names the place in the payload and what was expected there.
    fn check(&self, payload: &Payload) -> Result<(), String>;

    /// Whether `other` can take the place of this schema.
    fn is_equal(&self, other: &dyn PayloadSchema) -> bool;
}

/// The schema of one kind of payload, if any.
pub type Schema = Option<Arc<dyn PayloadSchema>>;

/// The schemas of one permission.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// CALL that is not progressive, and the last part of a progressive call.
    pub call: Schema,
    /// Every other part of a progressive call.
    pub call_progress: Schema,
    /// Result that is not progressive, and the last part of a progressive result.
    pub call_result: Schema,
    /// Every other part of a progressive result.
    pub call_result_progress: Schema,
    /// ERROR of a callee.
    pub call_error: Schema,
    /// PUBLISH.
    pub event: Schema,
}

impl Schemas {
    fn all(&self) -> [&Schema; 6] {
        let Self { call, call_progress, call_result, call_result_progress, call_error, event } =
            self;
        [call, call_progress, call_result, call_result_progress, call_error, event]
    }

    fn is_equal(&self, other: &Self) -> bool {
        self.all().into_iter().zip(other.all()).all(|pair| match pair {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_equal(&**other),
            _ => false,
        })
    }
}

/// Identifies the [`Schemas`] of a permission in their realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemasId(NonZeroU32);

/// The schemas of a realm.
#[derive(Debug, Clone)]
pub struct Validation {
    schemas: Vec<Schemas>,
    /// The most bytes of a payload that is validated.
    max_bytes: usize,
}

impl Default for Validation {
    fn default() -> Self {
        Self { schemas: Vec::new(), max_bytes: SharedLimits::DEFAULT.max_validated_bytes }
    }
}

/// The kind of a payload that is validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    Call,
    CallProgress,
    Result,
    ResultProgress,
    Error,
    Event,
}

impl PayloadKind {
    /// The kind of a CALL with this option.
    pub(crate) const fn call(progress: Option<bool>) -> Self {
        if matches!(progress, Some(true)) { Self::CallProgress } else { Self::Call }
    }

    /// The kind of a YIELD with this option.
    pub(crate) const fn result(progress: Option<bool>) -> Self {
        if matches!(progress, Some(true)) { Self::ResultProgress } else { Self::Result }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::CallProgress => "part of the call",
            Self::Result => "result",
            Self::ResultProgress => "part of the result",
            Self::Error => "callee's error",
            Self::Event => "event",
        }
    }

    const fn schema(self, schemas: &Schemas) -> &Schema {
        match self {
            Self::Call => &schemas.call,
            Self::CallProgress => &schemas.call_progress,
            Self::Result => &schemas.call_result,
            Self::ResultProgress => &schemas.call_result_progress,
            Self::Error => &schemas.call_error,
            Self::Event => &schemas.event,
        }
    }
}

impl Validation {
    /// Adds the schemas of a permission. The permission refers to them by the id. Schemas equal to
    /// those of before get the id of these, so that rules that are set again and again take no more
    /// memory.
    ///
    /// # Panics
    /// After 2^32 - 1 of them.
    pub fn add(&mut self, schemas: Schemas) -> SchemasId {
        let equal = self.schemas.iter().position(|before| before.is_equal(&schemas));
        let place = equal.unwrap_or_else(|| {
            self.schemas.push(schemas);
            self.schemas.len() - 1
        });
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        SchemasId(number.expect("as many permissions as fit into memory"))
    }

    /// Sets the most bytes of a payload that is validated.
    pub(crate) const fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    /// Whether nothing is asked of any payload.
    pub(crate) const fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    /// Checks that a payload matches the schema of its sender's permission. Opaque (passthru)
    /// payloads are rejected when a schema applies: they can't be checked.
    #[inline]
    pub(crate) fn check(
        &self,
        schemas: Option<SchemasId>,
        kind: PayloadKind,
        payload: &Payload,
        passthru: Option<&PassthruDetails>,
    ) -> Result<(), RequestFailure> {
        match schemas {
            None => Ok(()),
            Some(id) => self.check_against(id, kind, payload, passthru),
        }
    }

    #[cold]
    fn check_against(
        &self,
        SchemasId(number): SchemasId,
        kind: PayloadKind,
        payload: &Payload,
        passthru: Option<&PassthruDetails>,
    ) -> Result<(), RequestFailure> {
        let schemas = self.schemas.get(number.get() as usize - 1);
        let Some(schema) = schemas.and_then(|schemas| kind.schema(schemas).as_deref()) else {
            return Ok(());
        };
        let what = kind.name();
        if passthru.is_some_and(PassthruDetails::uses_passthru) || payload.is_transparent() {
            return Err(RequestFailure::SealedPayload(what));
        }
        if payload.size() > self.max_bytes {
            return Err(RequestFailure::PayloadTooLarge { what, limit: self.max_bytes });
        }
        let refused = |reason| RequestFailure::InvalidPayload { what, reason };
        schema.check(payload).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::sync::Arc;

    use cloverleaf_wamp::payload::Payload;

    use super::{PayloadSchema, Schema, Schemas, Validation};

    /// Accepts no payload.
    #[derive(Debug, PartialEq)]
    struct Numbered(u8);

    impl PayloadSchema for Numbered {
        fn check(&self, _: &Payload) -> Result<(), String> {
            Err(String::new())
        }

        fn is_equal(&self, other: &dyn PayloadSchema) -> bool {
            (other as &dyn Any).downcast_ref() == Some(self)
        }
    }

    fn numbered(number: u8) -> Schema {
        Some(Arc::new(Numbered(number)))
    }

    #[test]
    fn equal_schemas_are_kept_once() {
        let distinct = [
            Schemas { call: numbered(1), ..Schemas::default() },
            Schemas { call: numbered(2), ..Schemas::default() },
            Schemas { call_error: numbered(1), ..Schemas::default() },
            Schemas { call: numbered(1), event: numbered(1), ..Schemas::default() },
        ];
        let mut validation = Validation::default();
        let first = distinct.clone().map(|schemas| validation.add(schemas));
        for (place, id) in first.iter().enumerate() {
            assert!(!first[..place].contains(id));
        }
        let again = distinct.map(|schemas| validation.add(schemas));
        assert_eq!((again, validation.schemas.len()), (first, 4));
    }
}
