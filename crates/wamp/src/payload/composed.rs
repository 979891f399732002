//! Payloads put together out of values that are already encoded, each perhaps in another format.
//!
//! What the router itself answers with others' values in it: collected results, kept events.

use compact_str::CompactString;

use super::{Encoded, Payload};
use crate::codec::cbor::CborWriter;
use crate::codec::json::JsonWriter;
use crate::codec::msgpack::MsgPackWriter;
use crate::codec::ubjson::{BjDataWriter, UbJsonWriter};
use crate::codec::{EncodeError, TokenWriter, write_encoded};
use crate::serializer::Serializer;

impl Encoded {
    /// Writes the value, transcoded when `serializer` is another format than its own.
    pub fn write_to(
        &self,
        serializer: Serializer,
        mut writer: &mut dyn TokenWriter,
    ) -> Result<(), EncodeError> {
        write_encoded(self, serializer, &mut writer)
    }

    /// The same value in this format.
    pub fn to_format(&self, serializer: Serializer) -> Result<Self, EncodeError> {
        if self.serializer == serializer {
            return Ok(self.clone());
        }
        Self::composed(serializer, |writer| self.write_to(serializer, writer))
    }

    /// One value that `write` writes.
    pub fn composed(
        serializer: Serializer,
        write: impl FnOnce(&mut dyn TokenWriter) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut bytes = Vec::new();
        match serializer {
            Serializer::Json => write(&mut JsonWriter::new(&mut bytes))?,
            Serializer::MsgPack => write(&mut MsgPackWriter::new(&mut bytes))?,
            Serializer::Cbor => write(&mut CborWriter::new(&mut bytes))?,
            Serializer::UbJson => write(&mut UbJsonWriter::new(&mut bytes))?,
            Serializer::BjData => write(&mut BjDataWriter::new(&mut bytes))?,
        }
        Ok(Self { serializer, bytes: bytes.into() })
    }
}

/// One of several outcomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The URI of the failure, if it is one.
    pub error: Option<CompactString>,
    /// The result, or explanations.
    pub payload: Payload,
}

impl Payload {
    /// The format of its values, if it has any.
    pub fn serializer(&self) -> Option<Serializer> {
        self.args.as_ref().or(self.kwargs.as_ref()).map(Encoded::serializer)
    }

    /// The same payload in this format.
    pub fn to_format(&self, serializer: Serializer) -> Result<Self, EncodeError> {
        let part = |part: &Option<Encoded>| {
            part.as_ref().map(|part| part.to_format(serializer)).transpose()
        };
        Ok(Self { args: part(&self.args)?, kwargs: part(&self.kwargs)? })
    }

    /// `args` and `kwargs` as entries of a map that has begun; how many there are.
    pub fn entries(&self) -> usize {
        usize::from(self.args.is_some()) + usize::from(self.kwargs.is_some())
    }

    /// Writes `args` and `kwargs`, if present, as entries of a map that has begun. The payload must
    /// be in the writer's format.
    pub fn write_entries(&self, writer: &mut dyn TokenWriter) {
        for (key, part) in [("args", &self.args), ("kwargs", &self.kwargs)] {
            if let Some(part) = part {
                writer.key(key);
                writer.encoded(&part.bytes);
            }
        }
    }

    /// One argument that `write` writes.
    pub fn composed(
        serializer: Serializer,
        write: impl FnOnce(&mut dyn TokenWriter) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let args = Encoded::composed(serializer, |writer| {
            writer.list_start(1);
            write(writer)?;
            writer.list_end();
            Ok(())
        })?;
        Ok(Self { args: Some(args), kwargs: None })
    }

    /// One argument: a list with `{"error": uri, "args": […], "kwargs": {…}}` for each outcome, in
    /// this format or that of the first outcome that has one. An outcome without a form in it is a
    /// failure itself.
    pub fn collect(serializer: Option<Serializer>, outcomes: &[Collected]) -> Self {
        let serializer = serializer
            .or_else(|| outcomes.iter().find_map(|outcome| outcome.payload.serializer()))
            .unwrap_or(Serializer::Json);
        let written = Self::composed(serializer, |writer| {
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

fn write_outcome(outcome: &Collected, serializer: Serializer, writer: &mut dyn TokenWriter) {
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
    use super::Collected;
    use crate::payload::Payload;
    use crate::serializer::Serializer;

    #[test]
    fn outcomes_in_several_formats_become_one_list_in_one_format() {
        let result = |payload| Collected { error: None, payload };
        let outcomes = [
            result(Payload::from_args(Serializer::Json, &(1, "one")).unwrap()),
            result(Payload::from_args(Serializer::Cbor, &[2.5]).unwrap()),
            Collected { error: Some("com.a".into()), payload: Payload::from_text("no") },
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
