use std::path::Path;

use cloverleaf_config::{FileFormat, ProcessEnvironment, Settings, parse};

use super::{Change, Plan};

/// A configuration with one or more of everything, in YAML.
const EVERYTHING: &str = r#"
version: 2
workers:
  - type: router
    realms:
      - name: realm1
        options: {call_timeout: 1000}
        roles:
          - {name: anonymous, permissions: [{uri: com., match: prefix, allow: {call: true}}]}
          - {name: staff, permissions: []}
      - name: realm2
        roles: [{name: anonymous, permissions: []}]
    realm_template:
      max_realms: 10
      roles: [{name: anonymous, permissions: []}, {name: staff, permissions: []}]
    components:
      - {id: one, type: class, classname: a.A, realm: realm1, role: staff, extra: 1}
    transports:
      - type: web
        endpoint: {type: tcp, interface: 127.0.0.1, port: 8080}
        paths:
          call: {type: caller, realm: realm1, role: anonymous}
          info: {type: json, value: 1}
      - {type: rawsocket, endpoint: {type: unix, path: node.sock}}
      - {type: rawsocket, endpoint: {type: tcp, port: 0}}
      - {type: rawsocket, endpoint: {type: tcp, port: 0}}
  - type: container
    id: jobs
    components:
      - type: class
        classname: b.B
        realm: realm1
        transport: {type: rawsocket, serializer: json, endpoint: {type: unix, path: node.sock}}
"#;

/// A configuration with nothing in it.
const NOTHING: &str = "version: 2\nworkers: []\n";

fn settings(yaml: &str) -> Settings {
    let loaded = parse(yaml, FileFormat::Yaml, "config.yaml", Path::new("/n"), &ProcessEnvironment);
    loaded.unwrap_or_else(|faults| panic!("{faults}\n{yaml}")).settings
}

/// The configuration after these replacements, each of which must find its text.
fn changed(replacements: &[(&str, &str)]) -> Settings {
    let mut yaml = EVERYTHING.to_owned();
    for (text, other) in replacements {
        assert!(yaml.contains(text), "there is no {text}");
        yaml = yaml.replace(text, other);
    }
    settings(&yaml)
}

/// The line with the endpoint of the web transport.
const WEB_ENDPOINT: &str = "        endpoint: {type: tcp, interface: 127.0.0.1, port: 8080}\n";

/// What is changed, the texts that are replaced, and the lines of the plan.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const CASES: &[Case] = &[
    ("nothing", &[], &["nothing changes"]),
    (
        "permission",
        &[("{call: true}", "{call: true, publish: true}")],
        &["change rules of realm 'realm1': its sessions stay"],
    ),
    (
        "limit of a realm and of a role",
        &[
            ("- name: realm1\n", "- name: realm1\n        limits: {max_sessions: 7}\n"),
            (
                "{name: staff, permissions: []}\n      - name: realm2",
                "{name: staff, permissions: [], limits: {max_subscriptions: 7}}\n      - name: realm2",
            ),
        ],
        &["change rules of realm 'realm1': its sessions stay"],
    ),
    (
        "new role",
        &[(
            "          - {name: staff, permissions: []}\n",
            "          - {name: staff, permissions: []}\n          - {name: new, permissions: []}\n",
        )],
        &["change rules of realm 'realm1': its sessions stay"],
    ),
    (
        "removed role, and the component that had it",
        &[("          - {name: staff, permissions: []}\n", ""), ("role: staff", "role: anonymous")],
        &[
            "change rules of realm 'realm1': sessions with role 'staff' end, and their calls in flight fail",
            "restart component 'one' of worker 'worker001'",
        ],
    ),
    (
        "options of a realm, which its caller and its component use",
        &[("call_timeout: 1000", "call_timeout: 2000")],
        &[
            "replace realm 'realm1': its sessions end",
            "change listener 127.0.0.1:8080: its connections stay",
            "restart component 'one' of worker 'worker001'",
        ],
    ),
    (
        "name of a realm",
        &[("realm2", "realm3")],
        &[
            "add realm 'realm3': sessions of a realm with this name that the template has made end",
            "remove realm 'realm2': its sessions end",
        ],
    ),
    (
        "number of realms of the template",
        &[("max_realms: 10", "max_realms: 11")],
        &["change rules of the realm template: sessions of its realms stay"],
    ),
    (
        "removed role of the template",
        &[(", {name: staff, permissions: []}]", "]")],
        &[
            "change rules of the realm template: sessions with role 'staff' end, and their calls in flight fail",
        ],
    ),
    (
        "options of the template",
        &[("max_realms: 10", "max_realms: 10\n      options: {call_timeout: 7}")],
        &["replace the realm template: sessions of its realms end"],
    ),
    (
        "new path",
        &[(
            "info: {type: json, value: 1}",
            "info: {type: json, value: 1}\n          more: {type: json, value: 1}",
        )],
        &["change listener 127.0.0.1:8080: its connections stay"],
    ),
    (
        "other service at a path",
        &[("value: 1", "value: 2")],
        &["change listener 127.0.0.1:8080: its connections stay"],
    ),
    (
        "limit of connections",
        &[(
            WEB_ENDPOINT,
            "        endpoint: {type: tcp, interface: 127.0.0.1, port: 8080}\n        limits: {max_connections: 7}\n",
        )],
        &["change listener 127.0.0.1:8080: its connections stay"],
    ),
    (
        "option of an endpoint",
        &[("port: 8080}", "port: 8080, backlog: 7}")],
        &[
            "bind listener 127.0.0.1:8080 anew: its connections stay, and new ones are refused for a moment",
        ],
    ),
    (
        "port",
        &[("port: 8080}", "port: 8081}")],
        &[
            "add listener 127.0.0.1:8081",
            "remove listener 127.0.0.1:8080: its sessions stay, HTTP connections end after their request",
        ],
    ),
    (
        "one of several listeners with any port",
        &[(
            "      - {type: rawsocket, endpoint: {type: tcp, port: 0}}\n      - {type: rawsocket, endpoint: {type: tcp, port: 0}}",
            "      - {type: rawsocket, endpoint: {type: tcp, port: 0}}",
        )],
        &["remove listener *:0#2: its sessions stay, HTTP connections end after their request"],
    ),
    ("class of a component", &[("a.A", "a.B")], &["restart component 'one' of worker 'worker001'"]),
    (
        "id of a component",
        &[("id: one", "id: two")],
        &[
            "start component 'two' of worker 'worker001'",
            "stop component 'one' of worker 'worker001'",
        ],
    ),
    ("component of a container", &[("b.B", "b.C")], &["restart container 'jobs'"]),
    (
        "id of a container",
        &[("id: jobs", "id: tasks")],
        &["start container 'tasks'", "stop container 'jobs'"],
    ),
];

#[test]
fn plan_says_in_words_what_changes() {
    let current = settings(EVERYTHING);
    for (name, replacements, expected) in CASES {
        let target = changed(replacements);
        let plan = Plan::between(&current, target.clone());
        assert_eq!(plan.to_string(), expected.join("\n"), "{name}");
        assert_eq!(plan.is_empty(), replacements.is_empty(), "{name}");
        assert_eq!(*plan.target(), target, "{name}");
        // It is a value: computed again, it is the same.
        assert_eq!(plan, Plan::between(&current, target.clone()), "{name}");
        // And there is nothing left to do behind it.
        assert!(Plan::between(&target, target.clone()).is_empty(), "{name}");
    }
}

#[test]
fn start_and_end_are_plans_from_and_to_nothing() {
    let (nothing, everything) = (settings(NOTHING), settings(EVERYTHING));
    let start = Plan::between(&nothing, everything.clone());
    let names = [
        "add realm 'realm1'",
        "add realm 'realm2'",
        "add the realm template",
        "add listener 127.0.0.1:8080",
        "add listener /n/node.sock",
        "add listener *:0",
        "add listener *:0#2",
        "start component 'one' of worker 'worker001'",
        "start container 'jobs'",
    ];
    assert_eq!(start.to_string(), names.join("\n"));
    assert_eq!(start.changes().len(), names.len());
    let first = Change::AddRealm { realm: "realm1".to_owned(), replaces_made: false };
    assert_eq!(start.changes()[0], first);
    let end = Plan::between(&everything, nothing);
    assert_eq!(end.changes().len(), names.len());
    let ends = |change: &Change| {
        ["remove ", "stop "].iter().any(|verb| change.to_string().starts_with(verb))
    };
    assert!(end.changes().iter().all(ends), "{end}");
    assert!(Plan::between(&Settings::empty(), Settings::empty()).is_empty());
}

#[test]
fn comments_line_numbers_and_the_order_of_keys_change_nothing() {
    let current = settings(EVERYTHING);
    let shifted = EVERYTHING.replace("\nversion: 2\n", "\n# A comment.\n\n\nversion: 2\n");
    let shifted =
        shifted.replace("interface: 127.0.0.1, port: 8080", "port: 8080,   interface: '127.0.0.1'");
    let shifted =
        shifted.replace("    components:\n", "    # Another comment.\n\n    components:\n");
    assert_ne!(shifted, EVERYTHING);
    let plan = Plan::between(&current, settings(&shifted));
    assert!(plan.is_empty(), "{plan}");
}

#[test]
fn generated_ids_that_shift_change_no_service() {
    let current = settings(EVERYTHING);
    let realm = "      - name: realm2\n";
    let first = EVERYTHING.replace(realm, &format!("      - {{name: realm0, roles: []}}\n{realm}"));
    let plan = Plan::between(&current, settings(&first));
    let added = Change::AddRealm { realm: "realm0".to_owned(), replaces_made: true };
    assert_eq!(plan.changes(), [added]);
}

#[test]
fn unix_sockets_with_a_number_sign_are_told_apart() {
    let with = |paths: &[&str]| {
        let transports: String = paths
            .iter()
            .map(|path| {
                format!("      - {{type: rawsocket, endpoint: {{type: unix, path: '{path}'}}}}\n")
            })
            .collect();
        settings(&format!("version: 2\nworkers:\n  - type: router\n    transports:\n{transports}"))
    };
    let plan = Plan::between(&with(&["a#2"]), with(&["a#2", "a"]));
    assert_eq!(plan.to_string(), "add listener /n/a");
}
