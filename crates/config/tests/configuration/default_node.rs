//! The node without configuration.

use std::path::Path;

use cloverleaf_config::Settings;

use crate::given::yaml;

#[test]
fn the_default_node_is_what_this_file_says() {
    let loaded = yaml(
        "
version: 2
workers:
- type: router
  realms:
  - name: realm1
    roles:
    - name: anonymous
      permissions:
      - uri: ''
        match: prefix
        allow: {call: true, register: true, publish: true, subscribe: true}
        cache: true
      - {uri: wamp.session.kill, match: prefix, cache: true,
         allow: {register: true, publish: true, subscribe: true}}
      - {uri: wamp.registration.remove_, match: prefix, cache: true,
         allow: {register: true, publish: true, subscribe: true}}
      - {uri: wamp.subscription.remove_, match: prefix, cache: true,
         allow: {register: true, publish: true, subscribe: true}}
  transports:
  - type: web
    endpoint: {type: tcp, interface: 127.0.0.1, port: 8080}
    paths:
      ws: {type: websocket}
      call: {type: caller, realm: realm1, role: anonymous}
      publish: {type: publisher, realm: realm1, role: anonymous}
",
    );
    assert_eq!(loaded.warnings, []);
    assert_eq!(Settings::default_node(Path::new("/node")), loaded.settings);
}
