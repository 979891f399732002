//! The locations, number and suggestions of faults.

use std::path::Path;

use cloverleaf_config::{Environment, Faults, find, load};

use crate::fixtures::{environment, json, json_faults, warnings, yaml, yaml_faults};

#[test]
fn all_faults_of_a_json_file_are_reported_with_their_locations() {
    let text = r#"{
    "version": 2,
    "workers": [
        {
            "type": "router",
            "realms": [{"name": "r", "roles": []}],
            "transports": [
                {
                    "typ": "web",
                    "endpoint": {"type": "tcp", "port": 80800},
                    "paths": {
                        "ws": {"type": "websockets"},
                        "call": {"type": "caller", "realm": "realm1"}
                    }
                },
                {"type": "rawsocket"}
            ]
        },
        {"type": "kontainer"}
    ]
}"#;
    let expected = [
        "config.json:6:33: workers[0].realms[0].name: 'r' is no name of a realm; expected 3 to \
         255 of A-Z, a-z, 0-9, '_', '-', '@' and '.', a letter first",
        "config.json:9:21: workers[0].transports[0].typ: unknown key 'typ' in a web transport; \
         did you mean 'type'?",
        "config.json:10:57: workers[0].transports[0].endpoint.port: found the number 80800; \
         expected a whole number from 0 to 65535",
        "config.json:12:40: workers[0].transports[0].paths.ws.type: unknown web service type \
         'websockets'; expected 'static', 'websocket', 'longpoll', 'caller', 'publisher', 'path', \
         'json', 'redirect' or 'none'; did you mean 'websocket'?",
        "config.json:13:33: workers[0].transports[0].paths.call: missing key 'role' in a caller",
        "config.json:16:17: workers[0].transports[1]: missing key 'endpoint' in a rawsocket \
         transport",
        "config.json:19:18: workers[1].type: unknown worker type 'kontainer'; expected 'router', \
         'container' or 'websocket-testee'; did you mean 'container'?",
    ];
    assert_eq!(json_faults(text), expected);
}

#[test]
fn all_faults_of_a_yaml_file_are_reported_with_their_locations() {
    let text = "\
version: 2
controler: {}
workers:
- type: router
  realms:
  - name: realm1
    options:
      uri_check: strikt
      enable_meta_api: maybe
    roles:
  transports:
  - type: websocket
    endpoint: {type: unix, path: ''}
    serializers: []
";
    let expected = [
        "config.yaml:2:1: controler: unknown key 'controler' in a configuration; did you mean \
         'controller'?",
        "config.yaml:8:18: workers[0].realms[0].options.uri_check: unknown URI check 'strikt'; \
         expected 'loose' or 'strict'; did you mean 'strict'?",
        "config.yaml:9:24: workers[0].realms[0].options.enable_meta_api: found the string 'maybe'; \
         expected true or false",
        "config.yaml:10:10: workers[0].realms[0].roles: found null; expected a list",
        "config.yaml:13:34: workers[0].transports[0].endpoint.path: found the string ''; \
         expected a string that is not empty",
        "config.yaml:14:18: workers[0].transports[0].serializers: found a list; expected a list \
         of at least one serializer",
    ];
    assert_eq!(yaml_faults(text), expected);
}

#[test]
fn json_and_yaml_give_equal_settings() {
    let block = yaml(
        "version: 2\nworkers:\n- type: router\n  id: main_router\n  realms:\n  - name: realm1\n    \
         roles:\n    - name: anonymous\n      permissions:\n      - uri: com.*\n        \
         allow: {call: true}\n",
    );
    let braces = json(
        r#"{"version": 2, "workers": [{"type": "router", "id": "main_router", "realms": [
        {"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
        {"uri": "com.*", "allow": {"call": true}}]}]}]}]}"#,
    );
    assert_eq!(block, braces);
    assert_eq!(block.warnings, []);
}

#[test]
fn the_last_of_repeated_keys_counts_with_a_warning_in_both_formats() {
    let sentence = "controller.id: the key 'id' is there twice, first in line";
    let loaded = json("{\"version\": 2,\n \"controller\": {\"id\": \"one\",\n \"id\": \"two\"}}");
    assert_eq!(loaded.settings.controller.id.as_deref(), Some("two"));
    assert_eq!(warnings(&loaded), [format!("3:2: {sentence} 2: only the last one counts")]);
    let loaded = yaml("version: 2\ncontroller:\n  id: one\n  id: two\n");
    assert_eq!(loaded.settings.controller.id.as_deref(), Some("two"));
    assert_eq!(warnings(&loaded), [format!("4:3: {sentence} 3: only the last one counts")]);
}

#[test]
fn syntax_faults_have_their_location() {
    assert_eq!(
        json_faults("{\"version\": 2,\n}"),
        ["config.json:2:1: found '}', perhaps after a comma too many; expected a key in double \
          quotes"]
    );
    assert_eq!(json_faults(""), ["config.json:1:1: found the end of the file; expected a value"]);
    assert_eq!(
        json_faults("[]"),
        ["config.json:1:1: found a list; expected a map: a configuration"]
    );
    assert_eq!(yaml_faults(""), ["config.yaml:1:1: found null; expected a map: a configuration"]);
}

#[test]
fn a_byte_order_mark_is_accepted() {
    assert_eq!(json("\u{feff}{\"version\": 2}"), json("{\"version\": 2}"));
}

#[test]
fn a_file_without_version_2_is_read_as_version_1() {
    assert_eq!(json("{\"version\": 2, \"$schema\": \"x\"}").warnings, []);
    assert_eq!(json("{\"version\": 1}").warnings.len(), 1);
    assert_eq!(json("{}").warnings.len(), 1);
    assert_eq!(
        json_faults("{\"version\": 3}"),
        ["config.json:1:13: version: found the number 3; expected a whole number from 1 to 2"]
    );
    assert_eq!(
        json_faults("{\"version\": \"2\"}"),
        ["config.json:1:13: version: found the string '2'; expected a whole number from 1 to 2"]
    );
}

#[test]
fn an_unknown_key_without_a_near_one_lists_the_known_keys() {
    assert_eq!(
        json_faults(r#"{"version": 2, "controller": {"colour": 1}}"#),
        ["config.json:1:31: controller.colour: unknown key 'colour' in a controller; expected \
          one of id, options"]
    );
}

#[test]
fn a_hundred_faults_are_kept_and_further_ones_counted() {
    let keys: Vec<String> = (0..150).map(|number| format!("\"x{number}\": 1")).collect();
    let faults = json_faults(&format!("{{\"version\": 2, {}}}", keys.join(", ")));
    assert_eq!(faults.len(), Faults::MAX + 1);
    assert_eq!(faults.last().map(String::as_str), Some("and 50 more"));
}

#[test]
fn faults_contain_no_control_characters_and_are_cut() {
    let faults = json_faults(&format!("{{\"version\": 2, \"\\u001b[31m{}\": 1}}", "x".repeat(999)));
    let shown = format!("unknown key '\u{fffd}[31m{}…' in", "x".repeat(55));
    assert!(faults[0].contains(&shown), "{faults:?}");
}

#[test]
fn faults_do_not_contain_the_values_of_variables() {
    let text = r#"{"version": 2, "workers": [{"type": "router", "transports": [
        {"type": "rawsocket", "endpoint": {"type": "tcp", "port": "${TEXT}"}}]}]}"#;
    assert_eq!(
        json_faults(text),
        ["config.json:2:67: workers[0].transports[0].endpoint.port: found a reference to a text \
          of 4 characters; expected a whole number from 0 to 65535"]
    );
}

#[test]
fn unreadable_files_and_files_of_no_known_format_are_faults() {
    let faults = |name| load(Path::new(name), &environment()).expect_err(name).to_string();
    assert_eq!(faults("/node/config.json"), "/node/config.json: there is no such file");
    assert_eq!(
        faults("/node/config.toml"),
        "/node/config.toml: the file name has no known extension; expected a name \
         that ends in .json, .yaml or .yml"
    );
}

#[test]
fn a_configuration_is_found_in_the_node_directory_or_in_its_folder() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"));
    assert_eq!(find(data), Some(data.join("config.json")));
    let application = std::env::temp_dir().join(format!("cloverleaf-find-{}", std::process::id()));
    let folder = application.join(".crossbar");
    std::fs::create_dir_all(&folder).expect("a folder");
    assert_eq!(find(&application), None);
    for name in ["config.json", "config.yaml"] {
        std::fs::write(folder.join(name), "").expect("a file");
        assert_eq!(find(&application), Some(folder.join(name)));
    }
    std::fs::remove_dir_all(&application).expect("the folder to be gone");
}

#[test]
fn the_process_environment_refuses_files_above_the_limit() {
    let environment = cloverleaf_config::ProcessEnvironment;
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/config.json"));
    let length = std::fs::metadata(path).expect("the file").len();
    assert!(environment.read_file(path, length).is_ok());
    let fault = environment.read_file(path, length - 1).expect_err("too long");
    assert_eq!(fault.to_string(), format!("longer than {} bytes", length - 1));
}
