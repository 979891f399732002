//! The section `controller`: the node itself.

use super::ids::{self, ID};
use crate::field::Field;
use crate::options::options;
use crate::section::{PYTHON_KEYS, Section, SectionKeys, SectionOptions};

pub(crate) static CONTROLLER: SectionKeys =
    SectionKeys::closed("a controller", &[ID, OPTIONS, KEYRING])
        .with(&[&FABRIC_KEYS, &PYTHON_KEYS]);

const OPTIONS: &str = "options";
const KEYRING: &str = "keyring";

/// The keys for CrossbarFX.
const FABRIC_KEYS: [&str; 5] = ["fabric", "fabric-center", "blockchain", "ipfs", "enable_docker"];

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
        /// The title of the process, which is not set.
        title: Option<String> = None, Section::text_without_effect;
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

/// Reads the controller of a file.
pub(crate) fn controller(root: &mut Section<'_>, key: &'static str) -> Controller {
    let Some(mut section) = root.section(key, &CONTROLLER) else {
        return Controller::default();
    };
    let id = section.optional(ID).and_then(|field| ids::check(&field));
    let options = section.options(OPTIONS, &CONTROLLER_OPTIONS);
    section.ignore_python_keys();
    section.ignored(&[KEYRING], "nothing signs with the key of the node");
    section.ignored(&FABRIC_KEYS, "it is for CrossbarFX, which manages nodes from outside");
    section.finish();
    Controller { id, options }
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
