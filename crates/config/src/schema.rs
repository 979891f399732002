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
mod keys;
mod longpoll;
mod realm;
mod role;
mod serializers;
mod store;
mod transport;
mod universal;
mod uri_pattern;
mod validate;
mod web;
mod websocket;
mod worker;

pub(crate) use keys::Shape;
pub use realm::is_realm_name;

use std::path::Path;

use self::ids::Ids;
use crate::field::Field;
use crate::section::Section;
use crate::settings::{Settings, Worker};
use crate::v1;

/// Reads the whole file.
pub(crate) fn settings(root: &Field<'_>, directory: &Path) -> Option<Settings> {
    let mut section = root.section("a configuration")?;
    section.accepted(&["$schema"]);
    v1::read_version(&mut section);
    let controller = controller::controller(&mut section);
    let mut ids = Ids::new("worker");
    let workers = section.items("workers");
    let workers: Vec<Worker> =
        workers.iter().filter_map(|field| worker::worker(field, &mut ids)).collect();
    if !section.context().has_faults() {
        warn_of_nothing(&section, &workers);
    }
    section.finish();
    Some(Settings { directory: directory.to_owned(), controller, workers })
}

/// Says of a configuration from which a node starts that serves nothing.
fn warn_of_nothing(root: &Section<'_>, workers: &[Worker]) {
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

/// Two keys of the controller and of native workers that can be ignored without harm.
fn ignore_manhole_and_connections(section: &mut Section<'_>) {
    section.ignored(&["manhole"], "there is no Python to look into over SSH");
    section.ignored(&["connections"], "no connections to databases are made for components");
}
