//! Workers and the options that all of them have.

use std::path::PathBuf;

use super::component;
use super::ids::Ids;
use super::ignore_manhole_and_connections;
use super::realm;
use super::transport;
use crate::document::{Entry, Value};
use crate::env;
use crate::fault::shortened;
use crate::field::Field;
use crate::section::Section;
use crate::settings::{
    ContainerOptions, ContainerRestart, ContainerShutdown, ContainerWorker, EnvInherit,
    NativeOptions, RouterWorker, TesteeWorker, Worker, WorkerEnv,
};
use crate::unsupported;

#[derive(Clone, Copy)]
enum Kind {
    Router,
    Container,
    WebSocketTestee,
}

/// Reads a worker. A disabled one is read too, but nothing comes of it.
pub(super) fn worker(field: &Field<'_>, ids: &mut Ids) -> Option<Worker> {
    let mut section = field.section("a worker")?;
    let kinds = [
        ("router", Kind::Router),
        ("container", Kind::Container),
        ("websocket-testee", Kind::WebSocketTestee),
    ];
    field.context.names.borrow_mut().worker += 1;
    // Nothing is missing in a disabled worker, whatever it is.
    field.context.names.borrow_mut().disabled = is_quietly_disabled(field);
    let kind = section.kind("worker type", &kinds, unsupported::WORKERS);
    field.context.names.borrow_mut().disabled = false;
    let Some(kind) = kind else {
        field.context.names.borrow_mut().incomplete = true;
        return None;
    };
    let id = match kind {
        Kind::Router => ids.of(&mut section),
        Kind::Container | Kind::WebSocketTestee => ids.of_unchecked(&mut section),
    };
    let options = section.section("options", "worker options");
    let (options, rest) = options.map(native_options).unzip();
    let (native, disabled) = options.unwrap_or_default();
    field.context.names.borrow_mut().disabled = disabled;
    let worker = match kind {
        Kind::Router => router(section, id, native, rest).map(Worker::Router),
        Kind::Container => container(section, id, native, rest).map(Worker::Container),
        Kind::WebSocketTestee => testee(section, id, native, rest).map(Worker::WebSocketTestee),
    };
    field.context.names.borrow_mut().disabled = false;
    worker.filter(|_| !disabled)
}

fn router(
    mut section: Section<'_>,
    id: String,
    options: NativeOptions,
    rest: Option<Section<'_>>,
) -> Option<RouterWorker> {
    section.call("a router");
    finish_in_process(rest, &options);
    let (mut realm_ids, mut transport_ids) = (Ids::new("realm"), Ids::new("transport"));
    let mut component_ids = Ids::new("component");
    let realms = section.items("realms");
    let template = section.optional("realm_template");
    let transports = section.items("transports");
    let components = section.items("components");
    let worker = RouterWorker {
        id,
        options,
        realms: realms.iter().filter_map(|f| realm::realm(f, &mut realm_ids)).collect(),
        realm_template: template.and_then(|field| realm::template(&field)),
        transports: transports
            .iter()
            .filter_map(|f| transport::listening(f, &mut transport_ids))
            .collect(),
        components: components
            .iter()
            .filter_map(|f| component::in_router(f, &mut component_ids))
            .collect(),
    };
    ignore_manhole_and_connections(&mut section);
    section.finish();
    Some(worker)
}

fn container(
    mut section: Section<'_>,
    id: String,
    native: NativeOptions,
    rest: Option<Section<'_>>,
) -> Option<ContainerWorker> {
    section.call("a container");
    let options = match rest {
        Some(rest) => container_options(rest, native),
        None => ContainerOptions { native, ..ContainerOptions::default() },
    };
    let mut ids = Ids::new("component");
    let components = section.items("components");
    let is_empty = components.is_empty()
        && section.optional("components").is_none_or(|components| components.is_list());
    if is_empty && !section.context().names.borrow().disabled {
        section.warn("this container has no components: no process is started for it");
    }
    let components =
        components.iter().filter_map(|f| component::in_container(f, &mut ids)).collect();
    ignore_manhole_and_connections(&mut section);
    section.finish();
    Some(ContainerWorker { id, options, components })
}

fn testee(
    mut section: Section<'_>,
    id: String,
    options: NativeOptions,
    rest: Option<Section<'_>>,
) -> Option<TesteeWorker> {
    section.call("a websocket-testee");
    finish_in_process(rest, &options);
    let transport = section.required("transport").and_then(|field| transport::testee(&field));
    ignore_manhole_and_connections(&mut section);
    section.finish();
    Some(TesteeWorker { id, options, transport: transport? })
}

/// Reads the options that every worker has and whether it is disabled; the section may have more.
fn native_options(mut section: Section<'_>) -> ((NativeOptions, bool), Section<'_>) {
    let context = section.context();
    let paths = section.optional("pythonpath").and_then(|field| field.texts());
    let options = NativeOptions {
        title: section.text("title"),
        python: section.text("python").map(PathBuf::from),
        pythonpath: paths.unwrap_or_default().iter().map(|path| context.resolve(path)).collect(),
        cpu_affinity: cpu_affinity(&mut section),
        env: section.section("env", "a process environment").map(process_env).unwrap_or_default(),
        expose_controller: section.flag("expose_controller", false),
        expose_shared: section.flag("expose_shared", false),
        extra: section.optional("extra").map(|field| field.json()).unwrap_or_default(),
    };
    section.has_no_effect("title", options.title.is_some());
    section.ignored(&["reactor"], "it chooses an event loop of Python");
    section.has_no_effect("extra", !options.extra.is_null());
    section.has_no_effect("expose_controller", options.expose_controller);
    section.has_no_effect("expose_shared", options.expose_shared);
    let disabled = section.optional("disabled").and_then(|field| is_disabled(&field));
    ((options, disabled.unwrap_or(false)), section)
}

/// The options of a worker without a process of its own, whose environment could be set.
fn finish_in_process(rest: Option<Section<'_>>, options: &NativeOptions) {
    if let Some(mut rest) = rest {
        rest.has_no_effect("env", options.env != WorkerEnv::default());
        rest.finish();
    }
}

fn cpu_affinity(section: &mut Section<'_>) -> Vec<u32> {
    let cpus = section.items("cpu_affinity");
    if let Some(first) = cpus.first() {
        first.warn("workers are not bound to processors by this version");
    }
    cpus.iter().filter_map(|cpu| cpu.number(&(0..=u32::MAX))).collect()
}

/// Whether a worker says that it is disabled. What is wrong with its answer is said later.
fn is_quietly_disabled(worker: &Field<'_>) -> bool {
    let field = worker.at("/options/disabled");
    match field.node.yaml_1_1_value.as_deref().unwrap_or(&field.node.value) {
        Value::Bool(flag) => *flag,
        Value::String(text) => is_disabled_by(&field, text),
        _ => false,
    }
}

/// A truth, or a text that disables the worker unless it is empty or a variable that is.
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

fn process_env(mut section: Section<'_>) -> WorkerEnv {
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

/// A variable that the operating system can take.
fn environment_variable(entry: &Entry, field: &Field<'_>) -> Option<(String, String)> {
    if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
        let message = format!("'{}' is no name of an environment variable", shortened(&entry.key));
        return field.report(message, None, None);
    }
    let value = field.text()?;
    match value.contains('\0') {
        true => field.report("an environment variable can't hold a NUL character", None, None),
        false => Some((entry.key.clone(), value)),
    }
}

fn container_options(mut section: Section<'_>, native: NativeOptions) -> ContainerOptions {
    let shutdowns = [
        ("shutdown-manual", ContainerShutdown::Manual),
        ("shutdown-on-last-component-stopped", ContainerShutdown::OnLastComponentStopped),
        ("shutdown-on-any-component-failed", ContainerShutdown::OnAnyComponentFailed),
        ("shutdown-on-any-component-stopped", ContainerShutdown::OnAnyComponentStopped),
    ];
    let restarts = [
        ("restart-never", ContainerRestart::Never),
        ("restart-on-failed", ContainerRestart::OnFailed),
        ("restart-always", ContainerRestart::Always),
    ];
    let shutdown = section
        .optional("shutdown")
        .and_then(|field| field.choice("shutdown mode", &shutdowns, &[]))
        .unwrap_or_default();
    let restart = section.optional("restart");
    let mode = restart
        .as_ref()
        .and_then(|field| field.choice("restart mode", &restarts, &[]))
        .unwrap_or_default();
    if let Some(field) = restart.filter(|_| contradict(shutdown, mode)) {
        field.fault("a component cannot be started again and end the container with 'shutdown'");
    }
    // The container's process is started again, whatever its components ask for.
    section.has_no_effect("restart", mode != ContainerRestart::Never);
    section.finish();
    ContainerOptions { native, shutdown, restart: mode }
}

/// Whether a component that stops should both be started again and end its container.
fn contradict(shutdown: ContainerShutdown, restart: ContainerRestart) -> bool {
    match restart {
        ContainerRestart::Never => false,
        ContainerRestart::OnFailed => shutdown == ContainerShutdown::OnAnyComponentFailed,
        ContainerRestart::Always => shutdown != ContainerShutdown::Manual,
    }
}
