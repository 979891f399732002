//! The sections of a configuration. Each file has the structs of one section, their defaults, the
//! keys and the reader.
//!
//! Each reader reads all that it can before it gives up, so that all faults are found in one run.

pub(crate) mod actions;
pub(crate) mod auth;
pub(crate) mod bridge;
pub(crate) mod component;
pub(crate) mod compression;
pub(crate) mod connecting_endpoint;
pub(crate) mod connecting_transport;
pub(crate) mod container;
pub(crate) mod controller;
pub(crate) mod ids;
pub(crate) mod json_service;
pub(crate) mod limits;
pub(crate) mod listening_endpoint;
pub(crate) mod longpoll;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod path_service;
pub(crate) mod payload_schemas;
pub(crate) mod permission;
pub(crate) mod rawsocket;
pub(crate) mod realm;
pub(crate) mod realm_options;
pub(crate) mod redirect_service;
pub(crate) mod retained;
pub(crate) mod role;
pub(crate) mod secret;
pub(crate) mod serializers;
pub(crate) mod slow_consumer;
pub(crate) mod socket_path;
pub(crate) mod static_files;
pub(crate) mod statistics;
pub(crate) mod store;
pub(crate) mod testee;
pub(crate) mod times;
pub(crate) mod transport;
pub(crate) mod universal;
pub(crate) mod uri_pattern;
pub(crate) mod web;
pub(crate) mod web_service;
pub(crate) mod websocket;
pub(crate) mod websocket_service;
pub(crate) mod websocket_transport;
pub(crate) mod worker;
pub(crate) mod worker_options;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        actions, auth, bridge, component, compression, connecting_endpoint, connecting_transport,
        container, controller, json_service, limits, listening_endpoint, longpoll, node,
        path_service, payload_schemas, permission, rawsocket, realm, realm_options,
        redirect_service, retained, role, static_files, statistics, store, testee, transport,
        universal, web, web_service, websocket, websocket_service, websocket_transport, worker,
        worker_options,
    };
    use crate::document::json;
    use crate::env::ProcessEnvironment;
    use crate::field::Field;
    use crate::load_context::LoadContext;
    use crate::section::{Section, SectionKeys};

    /// All sections.
    static SECTIONS: [&SectionKeys; 66] = [
        &node::CONFIGURATION,
        &controller::CONTROLLER,
        &controller::CONTROLLER_OPTIONS,
        &worker::WORKER,
        &worker::ROUTER,
        &container::CONTAINER,
        &worker::TESTEE,
        &worker_options::WORKER_OPTIONS,
        &worker_options::WORKER_ENV,
        &realm::REALM,
        &realm::TEMPLATE,
        &realm_options::REALM_OPTIONS,
        &limits::REALM_LIMITS,
        &limits::ROLE_LIMITS,
        &limits::LISTENER_LIMITS,
        &retained::RETAINED,
        &store::STORE,
        &store::HISTORY_RULE,
        &store::CALL_QUEUE_RULE,
        &statistics::STATISTICS,
        &role::ROLE,
        &permission::PERMISSION,
        &actions::ALLOW,
        &permission::DISCLOSE,
        &payload_schemas::VALIDATE,
        &component::COMPONENT,
        &transport::TRANSPORT,
        &rawsocket::RAWSOCKET_TRANSPORT,
        &websocket_transport::WEBSOCKET_TRANSPORT,
        &web::WEB_TRANSPORT,
        &universal::UNIVERSAL_TRANSPORT,
        &rawsocket::UNIVERSAL_RAWSOCKET,
        &universal::UNIVERSAL_WEBSOCKET,
        &universal::UNIVERSAL_WEB,
        &testee::WEBSOCKET_TESTEE,
        &testee::STREAM_TESTEE,
        &rawsocket::RAWSOCKET_OPTIONS,
        &websocket::WEBSOCKET_OPTIONS,
        &compression::COMPRESSION,
        &compression::DEFLATE,
        &connecting_transport::TRANSPORT,
        &connecting_transport::WEBSOCKET_TRANSPORT,
        &connecting_transport::RAWSOCKET_TRANSPORT,
        &listening_endpoint::ENDPOINT,
        &listening_endpoint::TCP_ENDPOINT,
        &listening_endpoint::UNIX_ENDPOINT,
        &connecting_endpoint::ENDPOINT,
        &connecting_endpoint::TCP_ENDPOINT,
        &connecting_endpoint::UNIX_ENDPOINT,
        &auth::AUTH,
        &auth::ANONYMOUS,
        &web_service::WEB_SERVICE,
        &static_files::STATIC_SERVICE,
        &websocket_service::WEBSOCKET_SERVICE,
        &longpoll::LONGPOLL_SERVICE,
        &bridge::CALLER,
        &bridge::PUBLISHER,
        &path_service::PATH_SERVICE,
        &json_service::JSON_SERVICE,
        &redirect_service::REDIRECT_SERVICE,
        &web_service::NONE_SERVICE,
        &web::WEB_OPTIONS,
        &static_files::STATIC_OPTIONS,
        &json_service::JSON_OPTIONS,
        &longpoll::LONGPOLL_OPTIONS,
        &bridge::BRIDGE_OPTIONS,
    ];

    /// The faults of a section that has only `key`, if its reader requires all of `keys`.
    fn faults_of_one_key(
        declared: &'static SectionKeys,
        keys: impl Iterator<Item = &'static str>,
        key: &str,
    ) -> String {
        let node = json::parse(&format!(r#"{{"{key}": []}}"#)).expect("JSON");
        let context = LoadContext::new("config.json", Path::new(""), &ProcessEnvironment);
        let field = Field { context: &context, node: &node, path: String::new() };
        let mut section = Section::of(&field, declared).expect("a map");
        for other in keys {
            section.required(other);
        }
        section.finish();
        context.finish().expect_err("missing keys").to_string()
    }

    #[test]
    fn a_known_key_is_never_taken_for_a_misspelling_of_another_one() {
        for declared in SECTIONS.into_iter().filter(|declared| declared.own_keys().count() > 1) {
            for key in declared.own_keys() {
                let faults = faults_of_one_key(declared, declared.own_keys(), key);
                assert!(!faults.contains("unknown key"), "'{key}' of {}: {faults}", declared.name);
            }
        }
    }

    #[test]
    fn keys_of_every_kind_of_section_are_known_before_the_kind_is() {
        for declared in SECTIONS.into_iter().filter(|declared| !declared.kinds.is_empty()) {
            let keys = declared.kinds.iter().flat_map(|kind| kind.own_keys());
            for key in keys.filter(|key| *key != "type") {
                let faults = faults_of_one_key(declared, ["type"].into_iter(), key);
                assert!(!faults.contains("did you mean"), "'{key}' of {}: {faults}", declared.name);
            }
        }
    }

    #[test]
    fn each_section_is_declared_once_and_so_is_each_of_its_keys() {
        for (index, declared) in SECTIONS.iter().enumerate() {
            let others = &SECTIONS[index + 1..];
            assert!(others.iter().all(|other| other.name != declared.name), "{}", declared.name);
            let keys: Vec<&str> = declared.own_keys().collect();
            for (index, key) in keys.iter().enumerate() {
                assert!(!keys[index + 1..].contains(key), "'{key}' of {}", declared.name);
            }
        }
    }
}
