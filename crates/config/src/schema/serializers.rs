//! Serializers by their names.

use cloverleaf_wamp::serializer::Serializer;

use crate::field::Field;
use crate::section::Section;

/// Serializers that Crossbar.io knows besides.
const UNSUPPORTED: [&str; 1] = ["flatbuffers"];

/// The serializers of the key `serializers`; one of each name on the wire when it is missing.
pub(super) fn serializers(section: &mut Section<'_>) -> Vec<Serializer> {
    let Some(field) = section.optional("serializers") else {
        return Serializer::DEFAULT.to_vec();
    };
    let mut serializers = Vec::new();
    let Some(items) = field.list() else { return serializers };
    if items.is_empty() {
        return field.unlike("a list of at least one serializer").unwrap_or(serializers);
    }
    for item in items {
        let Some(serializer) = serializer(&item) else { continue };
        match Serializer::from_subprotocol(serializer.subprotocol(), &serializers) {
            Some(same) if same == serializer => {
                item.fault(format!("the serializer '{serializer}' is there twice"));
            }
            Some(other) => item.fault(format!(
                "'{serializer}' and '{other}' are one serializer to a peer that asks for it; \
                 choose one of them"
            )),
            None => serializers.push(serializer),
        }
    }
    serializers
}

/// The serializer with this name.
pub(super) fn serializer(field: &Field<'_>) -> Option<Serializer> {
    let names = Serializer::ALL.map(|serializer| (serializer.name(), serializer));
    field.choice("serializer", &names, &UNSUPPORTED)
}
