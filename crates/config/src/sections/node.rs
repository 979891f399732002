//! The configuration as a whole.

use std::path::{Path, PathBuf};

use super::controller::{self, Controller};
use super::ids::Ids;
use super::worker::{self, Worker};
use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::options::keys;
use crate::section::{Section, SectionKeys};

pub(crate) static CONFIGURATION: SectionKeys =
    SectionKeys::closed("a configuration", RootKeys::ALL);

keys! {
    /// The keys of a configuration.
    const KEYS: RootKeys = { schema = "$schema", version, controller, workers };
}

/// The settings of one node. If they exist, the configuration is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The node directory, against which relative paths were resolved.
    pub directory: PathBuf,
    /// The options of the node itself.
    pub controller: Controller,
    /// The enabled workers, in the order of the file.
    pub workers: Vec<Worker>,
}

/// Reads the whole file.
pub(crate) fn read(root: &Field<'_>, directory: &Path) -> Option<Settings> {
    let mut section = Section::of(root, &CONFIGURATION)?;
    section.accepted(&[KEYS.schema]);
    read_version(&mut section);
    let controller = controller::controller(&mut section, KEYS.controller);
    let mut ids = Ids::new("worker");
    let workers = section.items(KEYS.workers);
    let workers: Vec<Worker> =
        workers.iter().filter_map(|field| worker::worker(field, &mut ids)).collect();
    if !section.context().has_faults() {
        warn_if_nothing_is_served(&section, &workers);
    }
    section.finish();
    Some(Settings { directory: directory.to_owned(), controller, workers })
}

/// The current version of the format.
const VERSION: u64 = 2;

/// Reads the version of the format. Version 1 is accepted with warnings that say how to write the
/// same in version 2.
fn read_version(root: &mut Section<'_>) {
    let Some(field) = root.optional(KEYS.version) else {
        root.context().set_format_version(FormatVersion::V1);
        return root.warn(
            "the file has no 'version' and is read as the older form; today it begins with \
             \"version\": 2",
        );
    };
    match field.number(&(1..=VERSION)) {
        Some(VERSION) | None => {}
        Some(_) => {
            root.context().set_format_version(FormatVersion::V1);
            field.warn("version 1 is the older form; today a file has \"version\": 2");
        }
    }
}

/// Warns about a configuration whose node starts and serves nothing.
fn warn_if_nothing_is_served(root: &Section<'_>, workers: &[Worker]) {
    let serves = |worker: &Worker| match worker {
        Worker::Router(router) => !router.transports.is_empty(),
        Worker::Container(container) => !container.components.is_empty(),
        Worker::WebSocketTestee(_) => true,
    };
    if workers.is_empty() {
        root.warn("there are no workers that are enabled: the node serves nothing");
    } else if !workers.iter().any(serves) {
        root.warn("no worker has a transport: no client can reach the node");
    }
}
