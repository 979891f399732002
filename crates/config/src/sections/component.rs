//! Components: application code that runs in the router or in a container.

use serde_json::Value;

use super::connecting_transport::{self, ConnectingTransport};
use super::ids::{Ids, TYPE_AND_ID};
use crate::fault::excerpt;
use crate::field::Field;
use crate::location::SourceLocation;
use crate::names::LocatedName;
use crate::options::keys;
use crate::section::{Section, SectionKeys};
use crate::spelling;
use crate::unsupported;

pub(crate) static COMPONENT: SectionKeys =
    SectionKeys::closed("a component", ComponentKeys::ALL).with(&[TYPE_AND_ID]);

keys! {
    /// The keys of a component.
    const KEYS: ComponentKeys = { classname, realm, role, extra, references, transport };
}

/// The role of a component in a router, unless the file names one.
const DEFAULT_ROLE: &str = "anonymous";

/// A component that runs in the router.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterComponent {
    /// The id, given or generated (`component001` …).
    pub id: String,
    /// The name of the class.
    pub classname: String,
    /// The realm that the component joins.
    pub realm: String,
    /// The role of the component in the realm.
    pub role: String,
    /// Arbitrary data for the component; null if absent.
    pub extra: Value,
    /// The location of the class name in the file.
    pub location: SourceLocation,
}

/// A component that runs in a container and connects to a router.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerComponent {
    /// The id, given or generated (`component001` …).
    pub id: String,
    /// The name of the class.
    pub classname: String,
    /// The realm that the component asks for.
    pub realm: String,
    /// The transport by which it connects to the router.
    pub transport: ConnectingTransport,
    /// Arbitrary data for the component; null if absent.
    pub extra: Value,
    /// The location of the class name in the file.
    pub location: SourceLocation,
}

/// Reads a component that runs in a router.
pub(crate) fn in_router(field: &Field<'_>, ids: &mut Ids) -> Option<RouterComponent> {
    let mut section = component(field)?;
    let id = ids.of_unchecked(&mut section);
    let class = class(&mut section);
    let realm = section.required(KEYS.realm).and_then(|field| field.located_name());
    let role = section.optional(KEYS.role).and_then(|field| field.located_name());
    let extra = section.optional(KEYS.extra).map(|field| field.json()).unwrap_or_default();
    section.ignored(&[KEYS.references], "no connections to databases are made for components");
    let location = section.location();
    section.finish();
    let realm = realm?;
    let role = role.unwrap_or_else(|| LocatedName { name: DEFAULT_ROLE.to_owned(), location });
    field.context.names.borrow_mut().refer(Some(realm.clone()), Some(role.clone()));
    let (classname, location) = class?;
    Some(RouterComponent { id, classname, realm: realm.name, role: role.name, extra, location })
}

/// Reads a component that runs in a container.
pub(crate) fn in_container(field: &Field<'_>, ids: &mut Ids) -> Option<ContainerComponent> {
    let mut section = component(field)?;
    let id = ids.of_unchecked(&mut section);
    let class = class(&mut section);
    let realm = section.required(KEYS.realm).and_then(|field| field.located_name());
    let transport =
        section.required(KEYS.transport).and_then(|f| connecting_transport::connecting(&f));
    let extra = section.optional(KEYS.extra).map(|field| field.json()).unwrap_or_default();
    section.finish();
    let (realm, transport) = (realm?, transport?);
    let address = transport.endpoint().address(field.context.environment());
    field.context.names.borrow_mut().connect(address, realm.clone());
    let (classname, location) = class?;
    Some(ContainerComponent { id, classname, realm: realm.name, transport, extra, location })
}

fn component<'a>(field: &Field<'a>) -> Option<Section<'a>> {
    let mut section = Section::of(field, &COMPONENT)?;
    section.kind("component type", &[("class", ())], unsupported::COMPONENTS)?;
    Some(section)
}

/// The name of the class and its location.
fn class(section: &mut Section<'_>) -> Option<(String, SourceLocation)> {
    let field = section.required(KEYS.classname)?;
    let class = field.non_empty_text()?;
    match field.context.environment().component_classes() {
        Some(classes) if !classes.contains(&class) => unknown_class(&field, &class, &classes),
        _ => Some((class, field.location())),
    }
}

/// Records the fault that the program has no component of a class.
fn unknown_class<T>(field: &Field<'_>, class: &str, classes: &[String]) -> Option<T> {
    let others = match classes {
        [] => "it has none of any class".to_owned(),
        classes => format!("it has those of {}", classes.join(", ")),
    };
    let message = format!(
        "this program has no component of class '{}' ({others}), and Python is not run by this \
         version: {}, or write it in Rust (README.md, \"Embedding\")",
        excerpt(class),
        unsupported::RUN_SEPARATELY,
    );
    let meant = spelling::nearest(class, classes.iter().map(String::as_str));
    field.report_unsupported_as(unsupported::PYTHON_CLASS, message, meant)
}
