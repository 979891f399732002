//! The options of all workers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::document::{Entry, Value};
use crate::env;
use crate::fault::excerpt;
use crate::field::Field;
use crate::section::{Section, SectionKeys};

pub(crate) static WORKER_OPTIONS: SectionKeys = SectionKeys::closed(
    "worker options",
    &[
        "title",
        "extra",
        "python",
        "pythonpath",
        "cpu_affinity",
        "env",
        "expose_controller",
        "expose_shared",
        "disabled",
        "reactor",
        "shutdown",
        "restart",
    ],
);

pub(crate) static WORKER_ENV: SectionKeys =
    SectionKeys::closed("a process environment", &["inherit", "vars"]);

/// The options of all workers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeOptions {
    /// The title of the worker's process.
    pub title: Option<String>,
    /// The Python interpreter for Python components.
    pub python: Option<PathBuf>,
    /// The directories that are searched for Python components.
    pub pythonpath: Vec<PathBuf>,
    /// The processors that the worker may use; empty: all.
    pub cpu_affinity: Vec<u32>,
    /// The environment of the worker's process.
    pub env: WorkerEnv,
    /// Whether components may use the node's own session.
    pub expose_controller: bool,
    /// Whether components may share objects.
    pub expose_shared: bool,
    /// Arbitrary data for the worker.
    pub extra: Json,
}

/// The environment of a worker's process (`env`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerEnv {
    /// The variables inherited from the node.
    pub inherit: EnvInherit,
    /// Additional variables, which override inherited ones.
    pub vars: BTreeMap<String, String>,
}

/// The variables that a process inherits from the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EnvInherit {
    /// All variables.
    #[default]
    All,
    /// No variable.
    Nothing,
    /// The variables with these names.
    Named(Vec<String>),
}

/// Reads the options of all workers, and whether the worker is disabled. Returns the section too,
/// since it may have more options.
pub(crate) fn native(mut section: Section<'_>) -> ((NativeOptions, bool), Section<'_>) {
    let context = section.context();
    let paths = section.texts("pythonpath", Vec::new());
    let options = NativeOptions {
        title: section.text("title"),
        python: section.text("python").map(PathBuf::from),
        pythonpath: paths.iter().map(|path| context.resolve(path)).collect(),
        cpu_affinity: cpu_affinity(&mut section),
        env: section.section("env", &WORKER_ENV).map(worker_env).unwrap_or_default(),
        expose_controller: section.flag_without_effect("expose_controller", false),
        expose_shared: section.flag_without_effect("expose_shared", false),
        extra: section.optional("extra").map(|field| field.json()).unwrap_or_default(),
    };
    section.has_no_effect("title", options.title.is_some());
    section.ignored(&["reactor"], "it chooses an event loop of Python");
    section.has_no_effect("extra", !options.extra.is_null());
    let disabled = section.optional("disabled").and_then(|field| is_disabled(&field));
    ((options, disabled.unwrap_or(false)), section)
}

fn cpu_affinity(section: &mut Section<'_>) -> Vec<u32> {
    let cpus = section.items("cpu_affinity");
    if let Some(first) = cpus.first() {
        first.warn("workers are not bound to processors by this version");
    }
    cpus.iter().filter_map(|cpu| cpu.number(&(0..=u32::MAX))).collect()
}

/// Whether the options of a worker disable it. Faults of the option are not reported here.
pub(crate) fn is_disabled_worker(worker: &Field<'_>) -> bool {
    let field = worker.at("/options/disabled");
    match field.node.yaml_1_1_value.as_deref().unwrap_or(&field.node.value) {
        Value::Bool(flag) => *flag,
        Value::String(text) => is_disabled_by(&field, text),
        _ => false,
    }
}

/// A boolean or a text. A text disables the worker, unless it is empty or names an empty variable.
fn is_disabled(field: &Field<'_>) -> Option<bool> {
    let text = field.raw_text().filter(|_| field.node.yaml_1_1_value.is_none());
    let Some(text) = text else { return field.flag() };
    if variable(text).is_none() && !text.is_empty() {
        field.warn("any text disables the worker, as with Crossbar.io; write true or false");
    }
    Some(is_disabled_by(field, text))
}

fn is_disabled_by(field: &Field<'_>, text: &str) -> bool {
    match variable(text) {
        Some(name) => {
            let value = field.context.environment().variable(name);
            value.is_some_and(|value| !value.is_empty())
        }
        None => !text.is_empty(),
    }
}

/// The name in `$NAME` or `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    env::bare_name(text).or_else(|| braced.filter(|name| env::is_name(name)))
}

fn worker_env(mut section: Section<'_>) -> WorkerEnv {
    let inherit = section.optional("inherit").and_then(|field| {
        if field.is_list() {
            return field.texts().map(EnvInherit::Named);
        }
        Some(if field.flag()? { EnvInherit::All } else { EnvInherit::Nothing })
    });
    let vars = section.optional("vars").and_then(|field| field.entries()).unwrap_or_default();
    let vars = vars.into_iter().filter_map(|(entry, field)| environment_variable(entry, &field));
    let env = WorkerEnv { inherit: inherit.unwrap_or_default(), vars: vars.collect() };
    section.finish();
    env
}

/// A variable with a name and value that the operating system accepts.
fn environment_variable(entry: &Entry, field: &Field<'_>) -> Option<(String, String)> {
    if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
        let message = format!("'{}' is no name of an environment variable", excerpt(&entry.key));
        return field.report(message, None, None);
    }
    let value = field.text()?;
    match value.contains('\0') {
        true => field.report("an environment variable can't hold a NUL character", None, None),
        false => Some((entry.key.clone(), value)),
    }
}
