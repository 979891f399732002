//! The section `controller`: the node itself.

use super::ids;
use crate::field::Field;
use crate::section::Section;
use crate::settings::{Controller, ControllerOptions, NodeShutdown};

/// Reads the controller of a file, which may be missing.
pub(super) fn controller(root: &mut Section<'_>) -> Controller {
    let Some(mut section) = root.section("controller", "a controller") else {
        return Controller::default();
    };
    let controller = Controller {
        id: section.optional("id").and_then(|field| ids::check(&field)),
        options: section.section("options", "controller options").map(options).unwrap_or_default(),
    };
    super::ignore_manhole_and_connections(&mut section);
    section.ignored(&["keyring"], "nothing signs with the key of the node");
    let fabric = ["fabric", "fabric-center", "blockchain", "ipfs", "enable_docker"];
    section.ignored(&fabric, "it is for CrossbarFX, which manages nodes from outside");
    section.finish();
    controller
}

/// The one `shutdown` that is what the node does.
const ON_REQUEST: [NodeShutdown; 1] = [NodeShutdown::OnShutdownRequested];

fn options(mut section: Section<'_>) -> ControllerOptions {
    let default = ControllerOptions::default();
    let shutdown = section.optional("shutdown").map(|field| shutdown(&field));
    let options = ControllerOptions {
        title: section.text("title"),
        shutdown: shutdown.unwrap_or(default.shutdown),
        enable_parallel_worker_start: section.flag("enable_parallel_worker_start", false),
    };
    section.has_no_effect("title", options.title.is_some());
    // Containers are started again instead, and a node ends when it is asked to.
    section.has_no_effect("shutdown", options.shutdown != ON_REQUEST);
    section.finish();
    options
}

/// One word or a list of them.
fn shutdown(field: &Field<'_>) -> Vec<NodeShutdown> {
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
