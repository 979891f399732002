//! Fixtures: an environment, and configurations around the part that a test is about.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cloverleaf_config::settings::{
    ListeningTransport, RealmConfig, RouterWorker, WebPath, WebSocketSettings, WebTransport, Worker,
};
use cloverleaf_config::{Environment, Faults, FileFormat, Loaded, Settings, parse};

/// An environment with these variables, files and directories.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestEnvironment {
    pub(crate) variables: BTreeMap<&'static str, &'static str>,
    pub(crate) files: BTreeMap<&'static str, &'static str>,
    pub(crate) directories: Vec<&'static str>,
}

impl Environment for TestEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn read_file(&self, path: &Path, _: u64) -> io::Result<String> {
        let text = path.to_str().and_then(|path| self.files.get(path));
        text.map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.directories.iter().any(|directory| Path::new(directory) == path)
    }
}

/// The environment of most tests.
pub(crate) fn environment() -> TestEnvironment {
    TestEnvironment {
        variables: BTreeMap::from([
            ("PORT", "9000"),
            ("RUN", "/run"),
            ("YES", "true"),
            ("TEXT", "text"),
            ("EMPTY", ""),
        ]),
        files: BTreeMap::from([
            ("/node/key.txt", "from the file\n"),
            ("/node/numbers.json", r#"{"properties": {"args": {"items": {"type": "number"}}}}"#),
            ("/node/list.json", "[]"),
            ("/node/wrong.json", r#"{"type": "numbr"}"#),
        ]),
        directories: vec!["/node/web"],
    }
}

/// Loads a text, with all warnings.
pub(crate) fn read_all(text: &str, format: FileFormat) -> Result<Loaded, Faults> {
    let name = if format == FileFormat::Json { "config.json" } else { "config.yaml" };
    parse(text, format, name, Path::new("/node"), &environment())
}

/// Loads a text, without the warnings that the node serves nothing: most tests give only a part of
/// a configuration.
fn read(text: &str, format: FileFormat) -> Result<Loaded, Vec<String>> {
    match read_all(text, format) {
        Ok(mut loaded) => {
            let nothing = ["there are no workers", "no worker has a transport"];
            let is_about = |text: &str| nothing.iter().any(|nothing| text.starts_with(nothing));
            loaded.warnings.retain(|warning| !is_about(&warning.message));
            Ok(loaded)
        }
        Err(faults) => Err(faults.to_string().lines().map(str::to_owned).collect()),
    }
}

/// The faults of a JSON configuration, as displayed.
pub(crate) fn json_faults(text: &str) -> Vec<String> {
    read(text, FileFormat::Json).expect_err(text)
}

/// The faults of a YAML configuration, as displayed.
pub(crate) fn yaml_faults(text: &str) -> Vec<String> {
    read(text, FileFormat::Yaml).expect_err(text)
}

/// Loads a valid JSON configuration.
pub(crate) fn json(text: &str) -> Loaded {
    read(text, FileFormat::Json).unwrap_or_else(|faults| panic!("{faults:#?} in {text}"))
}

/// Loads a valid YAML configuration.
pub(crate) fn yaml(text: &str) -> Loaded {
    read(text, FileFormat::Yaml).unwrap_or_else(|faults| panic!("{faults:#?} in {text}"))
}

/// The warnings of a configuration, without the name of the file.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<String> {
    let shown = |text: String| text.split_once(':').map(|(_, rest)| rest.to_owned());
    loaded.warnings.iter().filter_map(|warning| shown(warning.to_string())).collect()
}

/// The faults of a JSON configuration without their line and column.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let sentence = |fault: &String| fault.splitn(4, ':').nth(3).map(|rest| rest.trim().to_owned());
    json_faults(text).iter().filter_map(sentence).collect()
}

/// A realm whose anonymous role may do everything.
pub(crate) const REALM: &str = r#"{"name": "realm1", "roles": [{"name": "anonymous",
    "permissions": [{"uri": "*", "allow": {"call": true, "register": true,
    "publish": true, "subscribe": true}}]}]}"#;

/// A configuration with these workers.
pub(crate) fn workers(workers: &str) -> String {
    format!(r#"{{"version": 2, "workers": [{workers}]}}"#)
}

/// A configuration with one router that has these keys.
pub(crate) fn router(keys: &str) -> String {
    workers(&format!(r#"{{"type": "router", {keys}}}"#))
}

/// A configuration with one router that has `realm1` and this transport.
pub(crate) fn transport(transport: &str) -> String {
    router(&format!(r#""realms": [{REALM}], "transports": [{transport}]"#))
}

/// A configuration with one web transport that has these paths.
pub(crate) fn paths(paths: &str) -> String {
    transport(&format!(
        r#"{{"type": "web", "endpoint": {{"type": "tcp", "port": 8080}}, "paths": {{{paths}}}}}"#
    ))
}

/// A configuration with one websocket transport that has these options.
pub(crate) fn websocket_options(options: &str) -> String {
    transport(&format!(
        r#"{{"type": "websocket", "endpoint": {{"type": "tcp", "port": 8080}},
            "options": {{{options}}}}}"#
    ))
}

/// A configuration with one realm that has this role.
pub(crate) fn role(role: &str) -> String {
    router(&format!(r#""realms": [{{"name": "realm1", "roles": [{role}]}}]"#))
}

/// A configuration with one role that has these permissions.
pub(crate) fn permissions(permissions: &str) -> String {
    role(&format!(r#"{{"name": "anonymous", "permissions": [{permissions}]}}"#))
}

/// The first worker, which is a router.
pub(crate) fn the_router(settings: &Settings) -> &RouterWorker {
    match &settings.workers[..] {
        [Worker::Router(router), ..] => router,
        other => panic!("no router first in {other:?}"),
    }
}

/// The only realm of the first worker.
pub(crate) fn the_realm(settings: &Settings) -> &RealmConfig {
    match &the_router(settings).realms[..] {
        [realm] => realm,
        other => panic!("not one realm: {other:?}"),
    }
}

/// The only transport of the first worker.
pub(crate) fn the_transport(settings: &Settings) -> &ListeningTransport {
    match &the_router(settings).transports[..] {
        [transport] => transport,
        other => panic!("not one transport: {other:?}"),
    }
}

/// The only transport of the first worker, which is a web transport.
pub(crate) fn the_web(settings: &Settings) -> &WebTransport {
    match the_transport(settings) {
        ListeningTransport::Web(web) => web,
        other => panic!("no web transport: {other:?}"),
    }
}

/// The only path of the only web transport.
pub(crate) fn the_path(settings: &Settings) -> &WebPath {
    match &the_web(settings).paths[..] {
        [path] => path,
        other => panic!("not one path: {other:?}"),
    }
}

/// The options of the only transport, which is a websocket transport.
pub(crate) fn the_websocket_options(settings: &Settings) -> &WebSocketSettings {
    match the_transport(settings) {
        ListeningTransport::WebSocket(websocket) => &websocket.options,
        other => panic!("no websocket transport: {other:?}"),
    }
}
