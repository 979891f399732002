//! Containers: processes for components that connect to a router.

use super::component::{self, ContainerComponent};
use super::ids::{Ids, TYPE_AND_ID};
use super::worker_options::{NativeOptions, OPTIONS, RESTART, SHUTDOWN};
use crate::section::{PYTHON_KEYS, Section, SectionKeys};

pub(crate) static CONTAINER: SectionKeys =
    SectionKeys::closed("a container", &[OPTIONS, COMPONENTS]).with(&[TYPE_AND_ID, &PYTHON_KEYS]);

const COMPONENTS: &str = "components";

/// A worker of type `container`.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerWorker {
    /// The id, given or generated (`worker001` …).
    pub id: String,
    /// The options.
    pub options: ContainerOptions,
    /// The components that run in the container.
    pub components: Vec<ContainerComponent>,
}

/// The options of a container.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContainerOptions {
    /// The options of all workers.
    pub native: NativeOptions,
    /// The event that ends the container.
    pub shutdown: ContainerShutdownMode,
    /// The components that are restarted after they have stopped.
    pub restart: ContainerRestart,
}

/// The event that ends a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerShutdownMode {
    /// `shutdown-manual`: a request to shut down.
    #[default]
    Manual,
    /// `shutdown-on-last-component-stopped`.
    OnLastComponentStopped,
    /// `shutdown-on-any-component-failed`.
    OnAnyComponentFailed,
    /// `shutdown-on-any-component-stopped`.
    OnAnyComponentStopped,
}

/// The components of a container that are restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerRestart {
    /// `restart-never`: none.
    #[default]
    Never,
    /// `restart-on-failed`: those that failed.
    OnFailed,
    /// `restart-always`: all that stopped, for any reason.
    Always,
}

/// Reads a container. `rest` is the section of its options after the options of all workers.
pub(crate) fn container(
    mut section: Section<'_>,
    id: String,
    native: NativeOptions,
    rest: Option<Section<'_>>,
) -> ContainerWorker {
    section.narrow(&CONTAINER);
    let options = match rest {
        Some(rest) => options(rest, native),
        None => ContainerOptions { native, ..ContainerOptions::default() },
    };
    let mut ids = Ids::new("component");
    let components = section.items(COMPONENTS);
    let is_empty = components.is_empty()
        && section.optional(COMPONENTS).is_none_or(|components| components.is_list());
    if is_empty && !section.context().names.borrow().disabled {
        section.warn("this container has no components: no process is started for it");
    }
    let components =
        components.iter().filter_map(|f| component::in_container(f, &mut ids)).collect();
    section.ignore_python_keys();
    section.finish();
    ContainerWorker { id, options, components }
}

fn options(mut section: Section<'_>, native: NativeOptions) -> ContainerOptions {
    let shutdowns = [
        ("shutdown-manual", ContainerShutdownMode::Manual),
        ("shutdown-on-last-component-stopped", ContainerShutdownMode::OnLastComponentStopped),
        ("shutdown-on-any-component-failed", ContainerShutdownMode::OnAnyComponentFailed),
        ("shutdown-on-any-component-stopped", ContainerShutdownMode::OnAnyComponentStopped),
    ];
    let restarts = [
        ("restart-never", ContainerRestart::Never),
        ("restart-on-failed", ContainerRestart::OnFailed),
        ("restart-always", ContainerRestart::Always),
    ];
    let default = ContainerShutdownMode::default();
    let shutdown = section.choice(SHUTDOWN, "shutdown mode", &shutdowns, default);
    let field = section.optional(RESTART);
    let restart = field.as_ref().and_then(|field| field.choice("restart mode", &restarts, &[]));
    let restart = restart.unwrap_or_default();
    if let Some(field) = field.filter(|_| contradict(shutdown, restart)) {
        field.fault("a component cannot be started again and end the container with 'shutdown'");
    }
    // The process of the container is restarted, whichever option its components have.
    section.has_no_effect(RESTART, restart != ContainerRestart::Never);
    section.finish();
    ContainerOptions { native, shutdown, restart }
}

/// Whether a component that stops would both be restarted and end its container.
fn contradict(shutdown: ContainerShutdownMode, restart: ContainerRestart) -> bool {
    match restart {
        ContainerRestart::Never => false,
        ContainerRestart::OnFailed => shutdown == ContainerShutdownMode::OnAnyComponentFailed,
        ContainerRestart::Always => shutdown != ContainerShutdownMode::Manual,
    }
}
