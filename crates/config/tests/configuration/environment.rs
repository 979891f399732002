//! Checks of the environment: component classes, sockets, file owners and stores.

use std::io;
use std::path::{Path, PathBuf};

use cloverleaf_config::settings::FileOwner;
use cloverleaf_config::{Environment, Faults, FileFormat, Loaded, parse};

use crate::fixtures::{self, REALM, TestEnvironment, router, transport, workers};

/// A program with two components that refuses every socket, owner and store.
#[derive(Default)]
struct Program(TestEnvironment);

impl Environment for Program {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }

    fn read_file(&self, path: &Path, limit: u64) -> io::Result<String> {
        self.0.read_file(path, limit)
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.0.is_directory(path)
    }

    fn component_classes(&self) -> Option<Vec<String>> {
        Some(vec!["add.AppSession".to_owned(), "sub.AppSession".to_owned()])
    }

    fn check_socket(&self, path: &Path) -> Result<PathBuf, String> {
        Err(format!("no socket at {}", path.display()))
    }

    fn check_owner(&self, owner: &FileOwner) -> Result<(), String> {
        Err(format!("no user {:?}", owner.user))
    }

    fn check_store(&self, path: &Path) -> Result<PathBuf, String> {
        Err(format!("no store at {}", path.display()))
    }
}

fn read(text: &str) -> Result<Loaded, Faults> {
    parse(text, FileFormat::Json, "config.json", Path::new("/node"), &Program::default())
}

/// The faults, each as path and message.
fn faults(text: &str) -> Vec<String> {
    let faults = read(text).expect_err(text).faults;
    faults.iter().map(|fault| format!("{}: {}", fault.location.path, fault.message)).collect()
}

fn component(class: &str) -> String {
    format!(r#"{{"type": "class", "classname": "{class}", "realm": "realm1"}}"#)
}

#[test]
fn unknown_component_classes_are_faults() {
    let container = |class: &str| {
        format!(
            r#"{{"type": "container", "components": [{{"type": "class", "classname": "{class}",
            "realm": "realm1", "transport": {{"type": "rawsocket", "serializer": "json",
            "endpoint": {{"type": "tcp", "host": "127.0.0.1", "port": 1}}}}}}]}}"#
        )
    };
    let router = format!(
        r#"{{"type": "router", "realms": [{REALM}], "components": [{}, {}, {}]}}"#,
        component("add.AppSession"),
        component("shop.AppSession"),
        component("ad.AppSession"),
    );
    let all = [router, container("sub.AppSession"), container("mul.AppSession")].join(", ");
    let reported = read(&workers(&all)).expect_err("classes");
    let others = "(it has those of add.AppSession, sub.AppSession), and Python is not run by this \
                  version: run it as a separate process that connects to a transport of this node, \
                  or write it in Rust (README.md, \"Embedding\")";
    let sentence =
        |class: &str| format!("this program has no component of class '{class}' {others}");
    let reported: Vec<(String, String, Option<&str>, Option<String>)> = reported
        .faults
        .into_iter()
        .map(|fault| {
            (fault.location.path, fault.message, fault.unsupported_feature, fault.suggestion)
        })
        .collect();
    let expected = [
        ("workers[0].components[1]", "shop.AppSession", None),
        ("workers[0].components[2]", "ad.AppSession", Some("add.AppSession")),
        ("workers[2].components[0]", "mul.AppSession", Some("sub.AppSession")),
    ];
    let expected = expected.map(|(path, class, meant)| {
        let (path, meant) = (format!("{path}.classname"), meant.map(str::to_owned));
        (path, sentence(class), Some("python-class"), meant)
    });
    let paths: Vec<&String> = reported.iter().map(|(path, ..)| path).collect();
    assert_eq!(reported.len(), 3, "{paths:?}");
    for (found, expected) in reported.iter().zip(&expected) {
        assert_eq!((&found.0, &found.1, found.2), (&expected.0, &expected.1, expected.2));
    }
    assert_eq!(reported[1].3, expected[1].3);
}

#[test]
fn any_class_is_accepted_if_the_program_is_not_known() {
    fixtures::json(&router(&format!(
        r#""realms": [{REALM}], "components": [{}]"#,
        component("shop.AppSession")
    )));
}

#[test]
fn unusable_sockets_owners_and_stores_are_faults() {
    let socket = r#"{"type": "rawsocket", "endpoint":
        {"type": "unix", "path": "router.sock", "owner": "nobody1"}}"#;
    let below = "workers[0].transports[0].endpoint";
    assert_eq!(
        faults(&transport(socket)),
        [
            format!("{below}.path: no socket at /node/router.sock"),
            format!("{below}.owner: no user Some(\"nobody1\")"),
        ]
    );
    let realm = REALM.replacen('{', r#"{"store": {"type": "redb", "path": "events.redb"}, "#, 1);
    assert_eq!(
        faults(&router(&format!(r#""realms": [{realm}]"#))),
        ["workers[0].realms[0].store.path: no store at /node/events.redb"]
    );
    let without_file = r#"{"type": "rawsocket", "endpoint": {"type": "unix", "path": "@router"}}"#;
    assert!(read(&transport(without_file)).is_ok(), "no file is made");
}

#[test]
fn the_environment_of_a_disabled_worker_is_not_checked() {
    let router = format!(
        r#"{{"type": "router", "options": {{"disabled": true}}, "realms": [{REALM}],
        "components": [{}], "transports": [{{"type": "rawsocket",
        "endpoint": {{"type": "unix", "path": "x", "owner": "y"}}}}]}}"#,
        component("shop.AppSession")
    );
    assert_eq!(read(&workers(&router)).expect("valid").settings.workers, []);
}

#[test]
fn two_realms_cannot_share_the_file_of_a_store() {
    let realm = |name: &str| {
        REALM.replace("realm1", name).replacen(
            '{',
            r#"{"store": {"type": "redb", "path": "events.redb"}, "#,
            1,
        )
    };
    let text = router(&format!("\"realms\": [{},\n{}]", realm("realm1"), realm("realm2")));
    assert_eq!(
        fixtures::sentences(&text),
        ["workers[0].realms[1].store.path: the store in line 1 has this file already; expected a \
          file for each realm"]
    );
}

/// An environment in which `/node/link` is a symbolic link to `/node`.
struct Linked;

impl Environment for Linked {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &Path, _: u64) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_directory(&self, _: &Path) -> bool {
        false
    }

    fn check_socket(&self, path: &Path) -> Result<PathBuf, String> {
        Ok(path.to_string_lossy().replace("/link/", "/").into())
    }
}

#[test]
fn a_component_finds_a_socket_under_every_spelling_of_its_path() {
    let text = workers(&format!(
        r#"{{"type": "router", "realms": [{REALM}], "transports": [{{"type": "rawsocket",
        "endpoint": {{"type": "unix", "path": "router.sock"}}}}]}},
        {{"type": "container", "components": [{{"type": "class", "classname": "a.B",
        "realm": "realm2", "transport": {{"type": "rawsocket", "serializer": "json",
        "endpoint": {{"type": "unix", "path": "link/router.sock"}}}}}}]}}"#
    ));
    let read = parse(&text, FileFormat::Json, "config.json", Path::new("/node"), &Linked);
    let faults = read.expect_err("a realm that is not there").faults;
    let [fault] = &faults[..] else { panic!("not one fault: {faults:?}") };
    assert_eq!(fault.message, "no router has a realm 'realm2'");
}

#[test]
fn warnings_are_reported_together_with_faults() {
    let text = r#"{"workers": [{"type": "kontainer"}]}"#;
    let reported = fixtures::read_all(text, FileFormat::Json).expect_err(text);
    assert_eq!(reported.faults.len(), 1);
    assert_eq!(reported.warnings.len(), 1, "{reported:?}");
    assert!(reported.warnings[0].message.contains("has no 'version'"), "{reported:?}");
}

#[test]
fn a_node_that_serves_nothing_gets_a_warning() {
    let about = |text: &str| -> Vec<String> {
        let loaded = fixtures::read_all(text, FileFormat::Json).expect(text);
        let sentences = loaded.warnings.into_iter().map(|warning| warning.message);
        sentences.filter(|text| text.contains("the node")).collect()
    };
    let nothing = "there are no workers that are enabled: the node serves nothing";
    let unreachable = "no worker has a transport: no client can reach the node";
    let disabled = workers(r#"{"type": "router", "options": {"disabled": true}}"#);
    for text in ["{}", r#"{"version": 2, "workers": []}"#, &disabled] {
        assert_eq!(about(text), [nothing], "{text}");
    }
    assert_eq!(about(&router(&format!(r#""realms": [{REALM}]"#))), [unreachable]);
    assert_eq!(about(&workers(r#"{"type": "container"}"#)), [unreachable]);
    let rawsocket = r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 1}}"#;
    assert_eq!(about(&transport(rawsocket)), [""; 0]);
}
