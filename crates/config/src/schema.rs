//! What a configuration may say: each section of the file with its keys, their types, ranges and
//! defaults.
//!
//! One file reads one kind of section. Each reads all that it can before it gives up, so that all
//! faults are found in one go.

mod bridge;
mod component;
mod compression;
mod controller;
mod endpoint;
mod ids;
mod longpoll;
mod realm;
mod role;
mod serializers;
mod store;
mod transport;
mod universal;
mod validate;
mod web;
mod websocket;
mod worker;

pub use realm::is_realm_name;

use std::path::Path;

use self::ids::Ids;
use crate::field::Field;
use crate::older;
use crate::settings::Settings;

/// Reads the whole file.
pub(crate) fn settings(root: &Field<'_>, directory: &Path) -> Option<Settings> {
    let mut section = root.section("a configuration")?;
    section.accepted(&["$schema"]);
    older::read_version(&mut section);
    let controller = controller::controller(&mut section);
    let mut ids = Ids::new("worker");
    let workers = section.items("workers");
    let workers = workers.iter().filter_map(|field| worker::worker(field, &mut ids)).collect();
    section.finish();
    Some(Settings { directory: directory.to_owned(), controller, workers })
}
