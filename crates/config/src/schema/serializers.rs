//! Serializers by their names.

use cloverleaf_wamp::serializer::Serializer;

use crate::field::Field;
use crate::section::Section;

/// Serializers that Crossbar.io knows besides.
const UNSUPPORTED: [&str; 2] = ["ubjson", "flatbuffers"];

/// The serializers of the key `serializers`; all of them when it is missing.
pub(super) fn serializers(section: &mut Section<'_>) -> Vec<Serializer> {
    let Some(field) = section.optional("serializers") else {
        return Serializer::ALL.to_vec();
    };
    let mut serializers = Vec::new();
    let Some(items) = field.list() else { return serializers };
    if items.is_empty() {
        return field.unlike("a list of at least one serializer").unwrap_or(serializers);
    }
    for item in items {
        match serializer(&item) {
            Some(serializer) if serializers.contains(&serializer) => {
                item.fault(format!("the serializer '{serializer}' is there twice"));
            }
            Some(serializer) => serializers.push(serializer),
            None => {}
        }
    }
    serializers
}

/// The serializer with this name.
pub(super) fn serializer(field: &Field<'_>) -> Option<Serializer> {
    let names = Serializer::ALL.map(|serializer| (serializer.name(), serializer));
    field.choice("serializer", &names, &UNSUPPORTED)
}
