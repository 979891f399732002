//! Path services: more paths below one.

use super::ids::TYPE_AND_ID;
use crate::field::Field;
use crate::section::{Section, SectionKeys};

pub(crate) static PATH_SERVICE: SectionKeys =
    SectionKeys::closed("a path service", &[PATHS]).with(&[TYPE_AND_ID]);

const PATHS: &str = "paths";

/// Reads a path service: its paths, by the reader of paths.
pub(crate) fn service<P>(
    mut section: Section<'_>,
    read: impl FnOnce(&Field<'_>) -> P,
) -> Option<P> {
    section.narrow(&PATH_SERVICE);
    let paths = section.required(PATHS).map(|field| read(&field));
    section.finish();
    paths
}
