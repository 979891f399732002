//! The node without configuration.

use std::net::SocketAddr;
use std::path::Path;

use cloverleaf_config::Settings;
use cloverleaf_config::settings::{
    IpVersion, ListeningEndpoint, ListeningInterface, ListeningTcp, ListeningTransport, WebService,
    WebTransport, Worker,
};

use crate::fixtures::yaml;

#[test]
fn the_default_node_is_equal_to_this_configuration() {
    let loaded = yaml(
        "
version: 2
workers:
- type: router
  realms:
  - name: realm1
    options: {compatibility: wamp}
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
      /: {type: path, paths: {}}
      ws: {type: websocket}
      call: {type: caller, realm: realm1, role: anonymous}
      publish: {type: publisher, realm: realm1, role: anonymous}
",
    );
    assert_eq!(loaded.warnings, []);
    let mut expected = loaded.settings;
    // No file can ask for this service.
    web(&mut expected).paths[0].service = WebService::Welcome;
    if let ListeningEndpoint::Tcp(tcp) = &mut web(&mut expected).endpoint {
        tcp.interface = tcp.interface.take().map(|it| ListeningInterface { location: None, ..it });
    }
    let node = Settings::default_node(Path::new("/node"), Settings::DEFAULT_NODE_ADDRESS);
    assert_eq!(node, expected);
}

#[test]
fn the_default_node_listens_at_the_given_address() {
    for (address, interface, version) in [
        ("0.0.0.0:0", "0.0.0.0", IpVersion::V4),
        ("192.0.2.1:9000", "192.0.2.1", IpVersion::V4),
        ("[::1]:80", "::1", IpVersion::V6),
    ] {
        let address: SocketAddr = address.parse().expect("an address");
        let mut node = Settings::default_node(Path::new("/node"), address);
        let expected = ListeningTcp {
            interface: Some(ListeningInterface { name: interface.to_owned(), location: None }),
            version,
            ..ListeningTcp::on(address.port())
        };
        assert_eq!(web(&mut node).endpoint, ListeningEndpoint::Tcp(expected));
    }
}

/// The web transport of a node that has one worker and one transport.
fn web(settings: &mut Settings) -> &mut WebTransport {
    let [Worker::Router(worker)] = &mut settings.workers[..] else { panic!("one router") };
    let [ListeningTransport::Web(web)] = &mut worker.transports[..] else {
        panic!("one web transport")
    };
    web
}
