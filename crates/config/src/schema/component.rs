//! Components in routers and containers.

use super::ids::Ids;
use super::transport;
use crate::field::Field;
use crate::names::Named;
use crate::place::Place;
use crate::section::Section;
use crate::settings::{
    ConnectingRawSocket, ConnectingTransport, ConnectingWebSocket, ContainerComponent,
    RouterComponent,
};

/// The role of a component in a router when the file does not say.
const DEFAULT_ROLE: &str = "anonymous";

/// Reads a component that runs in a router.
pub(super) fn in_router(field: &Field<'_>, ids: &mut Ids) -> Option<RouterComponent> {
    let mut section = component(field)?;
    let id = ids.of(&mut section);
    let class = class(&mut section);
    let realm = section.required("realm").and_then(|field| Named::of(&field));
    let role = section.optional("role").and_then(|field| Named::of(&field));
    let extra = section.optional("extra").map(|field| field.json()).unwrap_or_default();
    section.unsupported(&["references"]);
    let place = section.place();
    section.finish();
    let realm = realm?;
    let role = role.unwrap_or_else(|| Named { name: DEFAULT_ROLE.to_owned(), place });
    field.reading.names.borrow_mut().refer(Some(realm.clone()), Some(role.clone()));
    let (classname, place) = class?;
    Some(RouterComponent { id, classname, realm: realm.name, role: role.name, extra, place })
}

/// Reads a component that runs in a container.
pub(super) fn in_container(field: &Field<'_>, ids: &mut Ids) -> Option<ContainerComponent> {
    let mut section = component(field)?;
    let id = ids.of(&mut section);
    let class = class(&mut section);
    let realm = section.required("realm").and_then(|field| Named::of(&field));
    let transport = section.required("transport").and_then(|f| transport::connecting(&f));
    let extra = section.optional("extra").map(|field| field.json()).unwrap_or_default();
    section.finish();
    let (realm, transport) = (realm?, transport?);
    let endpoint = match &transport {
        ConnectingTransport::WebSocket(ConnectingWebSocket { endpoint, .. })
        | ConnectingTransport::RawSocket(ConnectingRawSocket { endpoint, .. }) => endpoint,
    };
    field.reading.names.borrow_mut().connect(endpoint, realm.clone());
    let (classname, place) = class?;
    Some(ContainerComponent { id, classname, realm: realm.name, transport, extra, place })
}

fn component<'a>(field: &Field<'a>) -> Option<Section<'a>> {
    let mut section = field.section("a component")?;
    section.kind("component type", &[("class", ())], &["function", "wamplet"])?;
    Some(section)
}

/// The name of the class and where it stands.
fn class(section: &mut Section<'_>) -> Option<(String, Place)> {
    let field = section.required("classname")?;
    Some((field.full_text()?, field.place()))
}
