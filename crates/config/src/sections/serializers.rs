//! Serializers by name.

use cloverleaf_wamp::serializer::Serializer;

use crate::field::Field;
use crate::section::Section;
use crate::unsupported;

/// Reads a list of serializers.
pub(crate) fn serializers(
    section: &mut Section<'_>,
    key: &'static str,
    default: Vec<Serializer>,
) -> Vec<Serializer> {
    let Some(field) = section.optional(key) else { return default };
    let mut serializers = Vec::new();
    let Some(items) = field.list() else { return serializers };
    if items.is_empty() {
        return field.expected("a list of at least one serializer").unwrap_or(serializers);
    }
    let mut unsupported_items = Vec::new();
    for item in items {
        let word = item.raw_text().unwrap_or_default();
        if unsupported::find(unsupported::SERIALIZERS, word).is_some() {
            unsupported_items.push(item);
            continue;
        }
        let Some(serializer) = serializer(&item) else { continue };
        match Serializer::from_subprotocol(serializer.subprotocol(), &serializers) {
            Some(same) if same == serializer => {
                item.warn(format!("the serializer '{serializer}' is there twice"));
            }
            Some(other) => item.fault(format!(
                "'{serializer}' and '{other}' are one serializer to a peer that asks for it; \
                 choose one of them"
            )),
            None => serializers.push(serializer),
        }
    }
    for item in unsupported_items {
        match serializers.is_empty() {
            // A fault: no serializer would be left.
            true => drop(serializer(&item)),
            false => item.warn(
                "this serializer is not supported by this version: the others are offered to \
                 clients",
            ),
        }
    }
    serializers
}

/// The serializer with this name.
pub(crate) fn serializer(field: &Field<'_>) -> Option<Serializer> {
    let names = Serializer::ALL.map(|serializer| (serializer.name(), serializer));
    field.choice("serializer", &names, unsupported::SERIALIZERS)
}
