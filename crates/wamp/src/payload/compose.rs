//! Payloads compose of values that are already encoded, possibly in different formats.
//!
//! The router composes such payloads for collected results and retained events.

use compact_str::CompactString;

use super::{EncodeError, Encoded, Payload, write_encoded};
use crate::codec::TokenWriter;
use crate::serializer::Serializer;
use crate::with_token_writer;

impl Encoded {
    /// Writes the value. Transcodes it if `serializer` is not its own.
    pub fn write_to(
        &self,
        serializer: Serializer,
        mut writer: &mut dyn TokenWriter,
    ) -> Result<(), EncodeError> {
        write_encoded(self, serializer, &mut writer)
    }

    /// Converts the value to this format.
    pub fn to_format(&self, serializer: Serializer) -> Result<Self, EncodeError> {
        if self.serializer == serializer {
            return Ok(self.clone());
        }
        Self::compose(serializer, |writer| self.write_to(serializer, writer))
    }

    /// Encodes the value that `write` writes.
    pub fn compose(
        serializer: Serializer,
        write: impl FnOnce(&mut dyn TokenWriter) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut bytes = Vec::new();
        with_token_writer!(serializer, W => write(&mut W::new(&mut bytes)))?;
        Ok(Self { serializer, bytes: bytes.into() })
    }
}

/// One of several outcomes of a call to several callees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// The error URI of a failure.
    pub error: Option<CompactString>,
    /// The result, or the arguments of the error.
    pub payload: Payload,
}

impl Payload {
    /// The serializer of its values, if it has any.
    pub fn serializer(&self) -> Option<Serializer> {
        self.args.as_ref().or(self.kwargs.as_ref()).map(Encoded::serializer)
    }

    /// Converts the payload to this format.
    pub fn to_format(&self, serializer: Serializer) -> Result<Self, EncodeError> {
        let part = |part: &Option<Encoded>| {
            part.as_ref().map(|part| part.to_format(serializer)).transpose()
        };
        Ok(Self { args: part(&self.args)?, kwargs: part(&self.kwargs)? })
    }

    /// The number of entries that [`Self::write_entries`] writes.
    pub fn entries(&self) -> usize {
        usize::from(self.args.is_some()) + usize::from(self.kwargs.is_some())
    }

    /// Writes `args` and `kwargs`, if present, as entries of the current map. The payload must be
    /// in the writer's format.
    pub fn write_entries(&self, writer: &mut dyn TokenWriter) {
        for (key, part) in [("args", &self.args), ("kwargs", &self.kwargs)] {
            if let Some(part) = part {
                writer.key(key);
                writer.encoded(&part.bytes);
            }
        }
    }

    /// A payload with one argument, which `write` writes.
    pub fn compose(
        serializer: Serializer,
        write: impl FnOnce(&mut dyn TokenWriter) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let args = Encoded::compose(serializer, |writer| {
            writer.list_start(1);
            write(writer)?;
            writer.list_end();
            Ok(())
        })?;
        Ok(Self { args: Some(args), kwargs: None })
    }

    /// A payload with one argument: a list of `{"error": uri, "args": […], "kwargs": {…}}`, one
    /// entry per outcome. Its format is `serializer`, or that of the first outcome with a payload.
    /// An outcome that this format cannot represent becomes an error.
    pub fn collect(serializer: Option<Serializer>, outcomes: &[CallOutcome]) -> Self {
        let serializer = serializer
            .or_else(|| outcomes.iter().find_map(|outcome| outcome.payload.serializer()))
            .unwrap_or(Serializer::Json);
        let written = Self::compose(serializer, |writer| {
            writer.list_start(outcomes.len());
            for outcome in outcomes {
                write_outcome(outcome, serializer, writer);
            }
            writer.list_end();
            Ok(())
        });
        written.unwrap_or_default()
    }
}

fn write_outcome(outcome: &CallOutcome, serializer: Serializer, writer: &mut dyn TokenWriter) {
    let (error, payload) = match outcome.payload.to_format(serializer) {
        Ok(payload) => (outcome.error.as_deref(), payload),
        Err(_) => (Some(crate::error_uri::INVALID_ARGUMENT), Payload::EMPTY),
    };
    writer.map_start(usize::from(error.is_some()) + payload.entries());
    if let Some(error) = error {
        writer.key("error");
        writer.text(error);
    }
    payload.write_entries(writer);
    writer.map_end();
}

#[cfg(test)]
mod tests {
    use super::CallOutcome;
    use crate::payload::Payload;
    use crate::serializer::Serializer;

    #[test]
    fn outcomes_in_several_formats_become_one_list_in_one_format() {
        let result = |payload| CallOutcome { error: None, payload };
        let outcomes = [
            result(Payload::from_args(Serializer::Json, &(1, "one")).unwrap()),
            result(Payload::from_args(Serializer::Cbor, &[2.5]).unwrap()),
            CallOutcome { error: Some("com.a".into()), payload: Payload::from_text("no") },
            result(Payload::EMPTY),
        ];
        for (serializer, expected) in
            [(Some(Serializer::MsgPack), Serializer::MsgPack), (None, Serializer::Json)]
        {
            let collected = Payload::collect(serializer, &outcomes);
            assert_eq!(collected.serializer(), Some(expected));
            let as_json = collected.to_format(Serializer::Json).unwrap();
            let text =
                br#"[[{"args":[1,"one"]},{"args":[2.5]},{"error":"com.a","args":["no"]},{}]]"#;
            assert_eq!(as_json.args().unwrap().bytes(), text);
        }
    }
}
