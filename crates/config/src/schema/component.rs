//! Components in routers and containers.

use super::endpoint;
use super::ids::Ids;
use super::transport;
use crate::fault::shortened;
use crate::field::Field;
use crate::location::SourceLocation;
use crate::names::LocatedName;
use crate::section::Section;
use crate::settings::{
    ConnectingRawSocket, ConnectingTransport, ConnectingWebSocket, ContainerComponent,
    RouterComponent,
};
use crate::spelling;
use crate::unsupported;

/// The role of a component in a router when the file does not say.
const DEFAULT_ROLE: &str = "anonymous";

/// Reads a component that runs in a router.
pub(super) fn in_router(field: &Field<'_>, ids: &mut Ids) -> Option<RouterComponent> {
    let mut section = component(field)?;
    let id = ids.of_unchecked(&mut section);
    let class = class(&mut section);
    let realm = section.required("realm").and_then(|field| LocatedName::of(&field));
    let role = section.optional("role").and_then(|field| LocatedName::of(&field));
    let extra = section.optional("extra").map(|field| field.json()).unwrap_or_default();
    section.ignored(&["references"], "no connections to databases are made for components");
    let location = section.location();
    section.finish();
    let realm = realm?;
    let role = role.unwrap_or_else(|| LocatedName { name: DEFAULT_ROLE.to_owned(), location });
    field.context.names.borrow_mut().refer(Some(realm.clone()), Some(role.clone()));
    let (classname, location) = class?;
    Some(RouterComponent { id, classname, realm: realm.name, role: role.name, extra, location })
}

/// Reads a component that runs in a container.
pub(super) fn in_container(field: &Field<'_>, ids: &mut Ids) -> Option<ContainerComponent> {
    let mut section = component(field)?;
    let id = ids.of_unchecked(&mut section);
    let class = class(&mut section);
    let realm = section.required("realm").and_then(|field| LocatedName::of(&field));
    let transport = section.required("transport").and_then(|f| transport::connecting(&f));
    let extra = section.optional("extra").map(|field| field.json()).unwrap_or_default();
    section.finish();
    let (realm, transport) = (realm?, transport?);
    let endpoint = match &transport {
        ConnectingTransport::WebSocket(ConnectingWebSocket { endpoint, .. })
        | ConnectingTransport::RawSocket(ConnectingRawSocket { endpoint, .. }) => endpoint,
    };
    let resolved = endpoint::resolved(endpoint, field.context.environment());
    field.context.names.borrow_mut().connect(resolved, realm.clone());
    let (classname, location) = class?;
    Some(ContainerComponent { id, classname, realm: realm.name, transport, extra, location })
}

fn component<'a>(field: &Field<'a>) -> Option<Section<'a>> {
    let mut section = field.section("a component")?;
    section.kind("component type", &[("class", ())], unsupported::COMPONENTS)?;
    Some(section)
}

/// The name of the class and where it stands.
fn class(section: &mut Section<'_>) -> Option<(String, SourceLocation)> {
    let field = section.required("classname")?;
    let class = field.full_text()?;
    match field.context.environment().component_classes() {
        Some(classes) if !classes.contains(&class) => unknown_class(&field, &class, &classes),
        _ => Some((class, field.location())),
    }
}

/// The fault that the program has no component of a class.
fn unknown_class<T>(field: &Field<'_>, class: &str, classes: &[String]) -> Option<T> {
    let others = match classes {
        [] => "it has none of any class".to_owned(),
        classes => format!("it has those of {}", classes.join(", ")),
    };
    let message = format!(
        "this program has no component of class '{}' ({others}), and Python is not run by this \
         version: {}, or write it in Rust (README.md, \"Embedding\")",
        shortened(class),
        unsupported::RUN_IT_BESIDE,
    );
    let meant = spelling::nearest(class, classes.iter().map(String::as_str));
    field.report_without(unsupported::PYTHON_CLASS, message, meant)
}
