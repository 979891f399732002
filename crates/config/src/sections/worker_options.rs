//! The options of all workers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::document::{Entry, Value};
use crate::env;
use crate::fault::excerpt;
use crate::field::Field;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static WORKER_OPTIONS: SectionKeys =
    SectionKeys::closed("worker options", &[REACTOR, DISABLED, SHUTDOWN, RESTART])
        .with(&[NativeOptions::KEYS]);

pub(crate) static WORKER_ENV: SectionKeys =
    SectionKeys::closed("a process environment", WorkerEnv::KEYS);

/// The key of the options of a worker.
pub(crate) const OPTIONS: &str = "options";

const REACTOR: &str = "reactor";
const DISABLED: &str = "disabled";

/// The key of the environment.
pub(crate) const ENV: &str = "env";

/// The key of the event that ends a container.
pub(crate) const SHUTDOWN: &str = "shutdown";

/// The key of the components of a container that are restarted.
pub(crate) const RESTART: &str = "restart";

options! {
    /// The options of all workers.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NativeOptions {
        /// The directories that are searched for Python components.
        pythonpath: Vec<PathBuf> = Vec::new(), paths;
        /// The title of the worker's process.
        title: Option<String> = None, Section::text_without_effect;
        /// The Python interpreter for Python components.
        python: Option<PathBuf> = None, python;
        /// The processors that the worker may use; empty: all.
        cpu_affinity: Vec<u32> = Vec::new(), cpu_affinity;
        /// The environment of the worker's process.
        env as ENV: WorkerEnv = WorkerEnv::default(), environment;
        /// Whether components may use the node's own session.
        expose_controller: bool = false, Section::flag_without_effect;
        /// Whether components may share objects.
        expose_shared: bool = false, Section::flag_without_effect;
        /// Arbitrary data for the worker.
        extra: Json = Json::Null, extra;
    }
}

options! {
    /// The environment of a worker's process (`env`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WorkerEnv {
        /// The variables inherited from the node.
        inherit: EnvInherit = EnvInherit::All, inherit;
        /// Additional variables, which override inherited ones.
        vars: BTreeMap<String, String> = BTreeMap::new(), variables;
    }
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
    let options = NativeOptions::read(&mut section);
    section.ignored(&[REACTOR], "it chooses an event loop of Python");
    let disabled = section.optional(DISABLED).and_then(|field| is_disabled(&field));
    ((options, disabled.unwrap_or(false)), section)
}

fn paths(section: &mut Section<'_>, key: &'static str, _: Vec<PathBuf>) -> Vec<PathBuf> {
    let context = section.context();
    let paths = section.texts(key, Vec::new());
    paths.iter().map(|path| context.resolve(path)).collect()
}

fn python(section: &mut Section<'_>, key: &'static str, _: Option<PathBuf>) -> Option<PathBuf> {
    section.text(key).map(PathBuf::from)
}

fn cpu_affinity(section: &mut Section<'_>, key: &'static str, _: Vec<u32>) -> Vec<u32> {
    let cpus = section.items(key);
    if let Some(first) = cpus.first() {
        first.warn("workers are not bound to processors by this version");
    }
    cpus.iter().filter_map(|cpu| cpu.number(&(0..=u32::MAX))).collect()
}

fn environment(section: &mut Section<'_>, key: &'static str, _: WorkerEnv) -> WorkerEnv {
    section.options(key, &WORKER_ENV)
}

fn extra(section: &mut Section<'_>, key: &'static str, default: Json) -> Json {
    let extra = section.optional(key).map_or(default, |field| field.json());
    section.has_no_effect(key, !extra.is_null());
    extra
}

/// Whether the options of a worker disable it. Faults of the option are not reported here.
pub(crate) fn is_disabled_worker(worker: &Field<'_>) -> bool {
    let field = worker.at(&format!("/{OPTIONS}/{DISABLED}"));
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

fn inherit(section: &mut Section<'_>, key: &'static str, default: EnvInherit) -> EnvInherit {
    let inherit = section.optional(key).and_then(|field| {
        if field.is_list() {
            return field.texts().map(EnvInherit::Named);
        }
        Some(if field.flag()? { EnvInherit::All } else { EnvInherit::Nothing })
    });
    inherit.unwrap_or(default)
}

fn variables(
    section: &mut Section<'_>,
    key: &'static str,
    _: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let entries = section.optional(key).and_then(|field| field.entries()).unwrap_or_default();
    let entries = entries.into_iter();
    entries.filter_map(|(entry, field)| environment_variable(entry, &field)).collect()
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
