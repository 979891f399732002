//! Workers: the parts of a node.

use super::component::{self, RouterComponent};
use super::container::{self, CONTAINER, ContainerWorker};
use super::ids::{Ids, TYPE_AND_ID};
use super::realm::{self, RealmConfig, RealmTemplate};
use super::testee::{self, TesteeTransport};
use super::transport::{self, ListeningTransport};
use super::worker_options::{self, ENV, NativeOptions, OPTIONS, WORKER_OPTIONS, WorkerEnv};
use crate::field::Field;
use crate::options::keys;
use crate::section::{PYTHON_KEYS, Section, SectionKeys};
use crate::unsupported;

pub(crate) static WORKER: SectionKeys =
    SectionKeys::one_of("a worker", TYPE_AND_ID, &[&ROUTER, &CONTAINER, &TESTEE]);

pub(crate) static ROUTER: SectionKeys =
    SectionKeys::closed("a router", RouterKeys::ALL).with(&[TYPE_AND_ID, &[OPTIONS], &PYTHON_KEYS]);

pub(crate) static TESTEE: SectionKeys =
    SectionKeys::closed("a websocket-testee", &[OPTIONS, TESTEE_TRANSPORT])
        .with(&[TYPE_AND_ID, &PYTHON_KEYS]);

const TESTEE_TRANSPORT: &str = "transport";

keys! {
    /// The keys of a router, beside those of every worker.
    const ROUTER_KEYS: RouterKeys = { realms, realm_template, transports, components };
}

/// An enabled worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Worker {
    /// `router`: realms and the transports that lead to them.
    Router(RouterWorker),
    /// `container`: a process for components that connect to a router.
    Container(ContainerWorker),
    /// `websocket-testee`: a WebSocket echo server for conformance tests.
    WebSocketTestee(TesteeWorker),
}

impl Worker {
    /// The worker's id, given or generated (`worker001` …).
    pub fn id(&self) -> &str {
        match self {
            Self::Router(worker) => &worker.id,
            Self::Container(worker) => &worker.id,
            Self::WebSocketTestee(worker) => &worker.id,
        }
    }
}

/// A worker of type `router`.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterWorker {
    /// The id, given or generated (`worker001` …).
    pub id: String,
    /// The options.
    pub options: NativeOptions,
    /// The realms that the worker hosts.
    pub realms: Vec<RealmConfig>,
    /// The template of realms that are not in `realms`: one is made when a client asks for it.
    /// None: there are no such realms.
    pub realm_template: Option<RealmTemplate>,
    /// The transports that listen.
    pub transports: Vec<ListeningTransport>,
    /// The components that run in the router itself.
    pub components: Vec<RouterComponent>,
}

/// A worker of type `websocket-testee`.
#[derive(Debug, Clone, PartialEq)]
pub struct TesteeWorker {
    /// The id, given or generated (`worker001` …).
    pub id: String,
    /// The options.
    pub options: NativeOptions,
    /// The transport that listens.
    pub transport: TesteeTransport,
}

#[derive(Clone, Copy)]
enum WorkerKind {
    Router,
    Container,
    WebSocketTestee,
}

/// Reads a worker. A disabled worker is read too, for its faults, and then dropped.
pub(crate) fn worker(field: &Field<'_>, ids: &mut Ids) -> Option<Worker> {
    let mut section = Section::of(field, &WORKER)?;
    let kinds = [
        ("router", WorkerKind::Router),
        ("container", WorkerKind::Container),
        ("websocket-testee", WorkerKind::WebSocketTestee),
    ];
    field.context.names.borrow_mut().worker += 1;
    // A disabled worker may be of an unsupported type.
    field.context.names.borrow_mut().disabled = worker_options::is_disabled_worker(field);
    let kind = section.kind("worker type", &kinds, unsupported::WORKERS);
    field.context.names.borrow_mut().disabled = false;
    let Some(kind) = kind else {
        field.context.names.borrow_mut().incomplete = true;
        return None;
    };
    let id = match kind {
        WorkerKind::Router => ids.of(&mut section),
        WorkerKind::Container | WorkerKind::WebSocketTestee => ids.of_unchecked(&mut section),
    };
    let options = section.section(OPTIONS, &WORKER_OPTIONS);
    let (options, rest) = options.map(worker_options::native).unzip();
    let (native, disabled) = options.unwrap_or_default();
    field.context.names.borrow_mut().disabled = disabled;
    let worker = match kind {
        WorkerKind::Router => Some(Worker::Router(router(section, id, native, rest))),
        WorkerKind::Container => {
            Some(Worker::Container(container::container(section, id, native, rest)))
        }
        WorkerKind::WebSocketTestee => {
            testee_worker(section, id, native, rest).map(Worker::WebSocketTestee)
        }
    };
    field.context.names.borrow_mut().disabled = false;
    worker.filter(|_| !disabled)
}

fn router(
    mut section: Section<'_>,
    id: String,
    options: NativeOptions,
    rest: Option<Section<'_>>,
) -> RouterWorker {
    section.narrow(&ROUTER);
    finish_options(rest, &options);
    let (mut realm_ids, mut transport_ids) = (Ids::new("realm"), Ids::new("transport"));
    let mut component_ids = Ids::new("component");
    let realms = section.items(ROUTER_KEYS.realms);
    let template = section.optional(ROUTER_KEYS.realm_template);
    let transports = section.items(ROUTER_KEYS.transports);
    let components = section.items(ROUTER_KEYS.components);
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
    section.ignore_python_keys();
    section.finish();
    worker
}

fn testee_worker(
    mut section: Section<'_>,
    id: String,
    options: NativeOptions,
    rest: Option<Section<'_>>,
) -> Option<TesteeWorker> {
    section.narrow(&TESTEE);
    finish_options(rest, &options);
    let transport = section.required(TESTEE_TRANSPORT).and_then(|field| testee::of_worker(&field));
    section.ignore_python_keys();
    section.finish();
    Some(TesteeWorker { id, options, transport: transport? })
}

/// Finishes the options of a worker that has no process of its own, so that `env` has no effect.
fn finish_options(rest: Option<Section<'_>>, options: &NativeOptions) {
    if let Some(mut rest) = rest {
        rest.has_no_effect(ENV, options.env != WorkerEnv::default());
        rest.finish();
    }
}
