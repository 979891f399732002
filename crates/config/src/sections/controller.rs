//! The section `controller`: the node itself.

use super::ids;
use crate::field::Field;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static CONTROLLER: SectionKeys = SectionKeys::closed(
    "a controller",
    &[
        "id",
        "options",
        "manhole",
        "connections",
        "keyring",
        "fabric",
        "fabric-center",
        "blockchain",
        "ipfs",
        "enable_docker",
    ],
);

pub(crate) static CONTROLLER_OPTIONS: SectionKeys =
    SectionKeys::closed("controller options", ControllerOptions::KEYS);

/// The node itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controller {
    /// The node's id, if the file has one.
    pub id: Option<String>,
    /// The options of the node.
    pub options: ControllerOptions,
}

options! {
    /// The options of the node itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ControllerOptions {
        /// The title of the process.
        title: Option<String> = None, title;
        /// The events that end the node.
        shutdown: Vec<NodeShutdown> = vec![NodeShutdown::OnWorkerExit], shutdown;
        /// Whether workers start at the same time, not one after the other. Containers always do.
        enable_parallel_worker_start: bool = false, Section::flag;
    }
}

/// An event that ends a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeShutdown {
    /// `shutdown_on_shutdown_requested`: a request to shut down.
    OnShutdownRequested,
    /// `shutdown_on_worker_exit`: the exit of any worker.
    OnWorkerExit,
    /// `shutdown_on_worker_exit_with_error`: the exit of any worker with an error.
    OnWorkerExitWithError,
    /// `shutdown_on_last_worker_exit`: the exit of the last worker.
    OnLastWorkerExit,
}

/// Reads the key `controller` of a file.
pub(crate) fn controller(root: &mut Section<'_>) -> Controller {
    let Some(mut section) = root.section("controller", &CONTROLLER) else {
        return Controller::default();
    };
    let id = section.optional("id").and_then(|field| ids::check(&field));
    let options = section.options("options", &CONTROLLER_OPTIONS);
    section.ignore_python_keys();
    section.ignored(&["keyring"], "nothing signs with the key of the node");
    let fabric = ["fabric", "fabric-center", "blockchain", "ipfs", "enable_docker"];
    section.ignored(&fabric, "it is for CrossbarFX, which manages nodes from outside");
    section.finish();
    Controller { id, options }
}

/// The title of the process, which is not set.
fn title(section: &mut Section<'_>, key: &'static str, _: Option<String>) -> Option<String> {
    let title = section.text(key);
    section.has_no_effect(key, title.is_some());
    title
}

/// One word or a list of words. Only a request ends the node: its containers are restarted instead.
fn shutdown(
    section: &mut Section<'_>,
    key: &'static str,
    default: Vec<NodeShutdown>,
) -> Vec<NodeShutdown> {
    let shutdown = section.optional(key).map_or(default, |field| shutdown_words(&field));
    section.has_no_effect(key, shutdown != [NodeShutdown::OnShutdownRequested]);
    shutdown
}

fn shutdown_words(field: &Field<'_>) -> Vec<NodeShutdown> {
    if !field.is_list() {
        return shutdown_word(field).into_iter().collect();
    }
    field.list().unwrap_or_default().iter().filter_map(shutdown_word).collect()
}

fn shutdown_word(field: &Field<'_>) -> Option<NodeShutdown> {
    let words = [
        ("shutdown_on_shutdown_requested", NodeShutdown::OnShutdownRequested),
        ("shutdown_on_worker_exit", NodeShutdown::OnWorkerExit),
        ("shutdown_on_worker_exit_with_error", NodeShutdown::OnWorkerExitWithError),
        ("shutdown_on_last_worker_exit", NodeShutdown::OnLastWorkerExit),
    ];
    field.choice("shutdown mode", &words, &[])
}
