//! Static services: the files of a directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::ids::TYPE_AND_ID;
use crate::field::Field;
use crate::options::{keys, options};
use crate::section::{Section, SectionKeys, SectionOptions};
use crate::unsupported::{self, PACKAGE};

pub(crate) static STATIC_SERVICE: SectionKeys =
    SectionKeys::closed("a static service", ServiceKeys::ALL)
        .with(&[TYPE_AND_ID])
        .with_unsupported(unsupported::STATIC_KEYS);

keys! {
    /// The keys of a static service.
    const KEYS: ServiceKeys = { directory, options };
}

pub(crate) static STATIC_OPTIONS: SectionKeys =
    SectionKeys::closed("static options", StaticOptions::KEYS);

/// A service of type `static`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticService {
    /// The directory whose files are served. It may not exist yet.
    pub directory: PathBuf,
    /// The options.
    pub options: StaticOptions,
}

options! {
    /// The options of a static service.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StaticOptions {
        /// Whether the files of a directory without a default file are listed.
        enable_directory_listing: bool = false, directory_listing;
        /// Media types by file extension (with its dot), besides the usual ones.
        mime_types: BTreeMap<String, String> = BTreeMap::new(), mime_types;
        /// How long clients may cache a file; none: there is no `Cache-Control`.
        cache_timeout: Option<Duration> = Some(Duration::from_secs(43_200)), cache_timeout;
        /// The file that is served if no file is found; none: status 404.
        default_file: Option<String> = None, default_file;
        /// Whether web pages of all origins may read the files.
        allow_cross_origin: bool = true, Section::flag;
        /// Whether files outside of the directory are served if a symbolic link leads to them.
        follow_symlinks: bool = false, Section::flag;
        /// Whether files are served whose name, or a directory in their path, begins with a dot.
        /// `.well-known` at the top of the directory is always served.
        dotfiles: bool = false, Section::flag;
    }
}

/// Reads a static service.
pub(crate) fn service(mut section: Section<'_>) -> Option<StaticService> {
    section.narrow(&STATIC_SERVICE);
    let context = section.context();
    let options = section.options(KEYS.options, &STATIC_OPTIONS);
    let directory = match section.optional(PACKAGE) {
        // The resource of a Python package would be served instead of a directory.
        Some(_) => section.optional(KEYS.directory),
        None => section.required(KEYS.directory),
    };
    let directory = directory.and_then(|field| {
        let directory = context.resolve(&field.non_empty_text()?);
        if !context.environment().is_directory(&directory) {
            field.warn(format!("the directory '{}' is not there", directory.display()));
        }
        Some(directory)
    });
    section.refuse_unsupported();
    section.finish();
    Some(StaticService { directory: directory?, options })
}

/// The listing of directories, which this version does not have.
fn directory_listing(section: &mut Section<'_>, key: &'static str, default: bool) -> bool {
    let Some(field) = section.optional(key) else { return default };
    let is_enabled = field.flag().unwrap_or(default);
    if is_enabled {
        field.warn("directories are not listed by this version");
    }
    is_enabled
}

fn mime_types(
    section: &mut Section<'_>,
    key: &'static str,
    _: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let entries = section.optional(key).and_then(|field| field.entries()).unwrap_or_default();
    let entries = entries.into_iter();
    entries.filter_map(|(entry, field)| Some((entry.key.clone(), media_type(&field)?))).collect()
}

/// A media type, which becomes the value of a header field.
fn media_type(field: &Field<'_>) -> Option<String> {
    let text = field.non_empty_text()?;
    match text.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic()) {
        true => Some(text),
        false => field.expected("a media type of printable ASCII characters"),
    }
}

fn cache_timeout(
    section: &mut Section<'_>,
    key: &'static str,
    default: Option<Duration>,
) -> Option<Duration> {
    match section.optional(key) {
        Some(field) if field.is_null() => None,
        Some(field) => field.number_up_to(&(0..=u64::from(u32::MAX))).map(Duration::from_secs),
        None => default,
    }
}

fn default_file(section: &mut Section<'_>, key: &'static str, _: Option<String>) -> Option<String> {
    section.optional(key)?.non_empty_text()
}
