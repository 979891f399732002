//! JSON services: one JSON value.

use serde_json::Value;

use super::ids::TYPE_AND_ID;
use crate::options::{keys, options};
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static JSON_SERVICE: SectionKeys =
    SectionKeys::closed("a json service", ServiceKeys::ALL).with(&[TYPE_AND_ID]);

keys! {
    /// The keys of a JSON service.
    const KEYS: ServiceKeys = { value, options };
}

pub(crate) static JSON_OPTIONS: SectionKeys =
    SectionKeys::closed("json options", JsonOptions::KEYS);

/// A service of type `json`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonService {
    /// The value that is served.
    pub value: Value,
    /// The options.
    pub options: JsonOptions,
}

options! {
    /// The options of a JSON service.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct JsonOptions {
        /// Whether the value has line breaks and indentation.
        prettify: bool = false, Section::flag;
        /// Whether web pages of all origins may read the value.
        allow_cross_origin: bool = true, Section::flag;
        /// Whether clients are asked not to cache the value.
        discourage_caching: bool = false, Section::flag;
    }
}

/// Reads a JSON service.
pub(crate) fn service(mut section: Section<'_>) -> Option<JsonService> {
    section.narrow(&JSON_SERVICE);
    let value = section.required(KEYS.value).map(|field| field.json());
    let options = section.options(KEYS.options, &JSON_OPTIONS);
    section.finish();
    Some(JsonService { value: value?, options })
}
