//! Endpoints, their ranges and the variables in them.

use std::time::Duration;

use cloverleaf_config::settings::{
    ConnectingEndpoint, ConnectingTcp, ConnectingTransport, ConnectingUnix, FileOwner, IpVersion,
    ListeningEndpoint, ListeningInterface, ListeningTcp, ListeningUnix, Ports, Worker,
};
use cloverleaf_config::{FileFormat, SourceLocation};

use crate::fixtures::{
    REALM, json, read_all, router, sentences, the_transport, transport, workers,
};

fn listening(endpoint: &str) -> String {
    transport(&format!(r#"{{"type": "rawsocket", "endpoint": {{{endpoint}}}}}"#))
}

fn listens(endpoint: &str) -> ListeningEndpoint {
    the_transport(&json(&listening(endpoint)).settings).endpoint().clone()
}

fn connecting(endpoint: &str) -> String {
    workers(&format!(
        r#"{{"type": "router", "realms": [{REALM}]}}, {{"type": "container", "components": [
        {{"type": "class", "classname": "a.B", "realm": "realm1", "transport":
        {{"type": "rawsocket", "serializer": "cbor", "endpoint": {{{endpoint}}}}}}}]}}"#
    ))
}

fn connects(endpoint: &str) -> ConnectingEndpoint {
    let settings = json(&connecting(endpoint)).settings;
    let [_, Worker::Container(container)] = &settings.workers[..] else { panic!("a container") };
    match &container.components[0].transport {
        ConnectingTransport::RawSocket(transport) => transport.endpoint.clone(),
        other @ ConnectingTransport::WebSocket(_) => panic!("no rawsocket: {other:?}"),
    }
}

fn refuses(endpoint: &str, expected: &[&str]) {
    let below = "workers[0].transports[0].endpoint";
    let expected: Vec<String> = expected.iter().map(|rest| format!("{below}{rest}")).collect();
    assert_eq!(sentences(&listening(endpoint)), expected, "{endpoint}");
}

/// An interface at this line and column of the file.
fn interface(name: &str, line: u32, column: u32) -> ListeningInterface {
    let path = "workers[0].transports[0].endpoint.interface".to_owned();
    let location = SourceLocation { file: "config.json".into(), line, column, path };
    ListeningInterface { name: name.to_owned(), location: Some(location) }
}

#[test]
fn all_keys_of_a_tcp_endpoint_are_read() {
    let expected = ListeningTcp {
        ports: Ports::One(1),
        version: IpVersion::V6,
        interface: Some(interface("::1", 3, 151)),
        backlog: 65_535,
        shared: true,
        user_timeout: Some(Duration::from_millis(500)),
        proxy_protocol: true,
    };
    let endpoint = r#""type": "tcp", "port": 1, "version": 6, "interface": "::1",
        "backlog": 65535, "shared": true, "user_timeout": 500, "proxy_protocol": true"#;
    assert_eq!(listens(endpoint), ListeningEndpoint::Tcp(expected));
    let plain = r#""type": "tcp", "port": 65535, "interface": "", "user_timeout": 0"#;
    assert_eq!(listens(plain), ListeningEndpoint::Tcp(ListeningTcp::on(65_535)));
}

#[test]
fn a_port_is_a_number_a_range_or_a_variable() {
    let ports = |port: &str| match listens(&format!(r#""type": "tcp", {port}"#)) {
        ListeningEndpoint::Tcp(tcp) => tcp.ports,
        other @ ListeningEndpoint::Unix(_) => panic!("no tcp: {other:?}"),
    };
    assert_eq!(ports(r#""port": 0"#), Ports::One(0));
    assert_eq!(ports(r#""port": "$PORT""#), Ports::One(9_000));
    assert_eq!(ports(r#""port": "${PORT}""#), Ports::One(9_000));
    assert_eq!(ports(r#""port": "${UNSET:-80}""#), Ports::One(80));
    assert_eq!(ports(r#""portrange": [9000, 9010]"#), Ports::FirstFreeOf(9_000..=9_010));
    assert_eq!(ports(r#""portrange": [9000, 9000]"#), Ports::One(9_000));
}

#[test]
fn variables_in_the_path_of_a_unix_endpoint_are_expanded() {
    let path = |path: &str, backlog| {
        let path = path.into();
        ListeningEndpoint::Unix(ListeningUnix {
            path,
            backlog,
            mode: None,
            owner: None,
            proxy_protocol: false,
        })
    };
    let unix = |rest: &str| listens(&format!(r#""type": "unix", {rest}"#));
    assert_eq!(unix(r#""path": "node.sock", "backlog": 7"#), path("/node/node.sock", 7));
    assert_eq!(unix(r#""path": "$RUN/node.sock""#), path("/run/node.sock", 1_024));
    assert_eq!(unix(r#""path": "${RUN}/${TEXT}.sock""#), path("/run/text.sock", 1_024));
}

#[test]
fn proxy_protocol_is_an_option_of_listening_endpoints() {
    let proxied = |rest: &str| listens(rest).proxy_protocol();
    assert!(!proxied(r#""type": "tcp", "port": 80"#));
    assert!(proxied(r#""type": "tcp", "port": 80, "proxy_protocol": true"#));
    assert!(proxied(r#""type": "unix", "path": "node.sock", "proxy_protocol": true"#));
    let wrong = ".proxy_protocol: found the string 'v2'; expected true or false";
    refuses(r#""type": "tcp", "port": 80, "proxy_protocol": "v2""#, &[wrong]);
}

#[test]
fn mode_and_owner_are_options_of_unix_sockets_with_a_file() {
    let unix = |rest: &str| match listens(&format!(r#""type": "unix", {rest}"#)) {
        ListeningEndpoint::Unix(ListeningUnix { path, mode, owner, .. }) => {
            (path.display().to_string(), mode, owner)
        }
        other @ ListeningEndpoint::Tcp(_) => panic!("no unix: {other:?}"),
    };
    let file = |mode, owner| ("/node/node.sock".to_owned(), mode, owner);
    let owned = |user: Option<&str>, group: Option<&str>| {
        Some(FileOwner { user: user.map(str::to_owned), group: group.map(str::to_owned) })
    };
    let node = |rest: &str| unix(&format!(r#""path": "node.sock", {rest}"#));
    assert_eq!(node(r#""mode": "0660""#), file(Some(0o660), None));
    assert_eq!(node(r#""mode": "600""#), file(Some(0o600), None));
    assert_eq!(node(r#""owner": "wamp""#), file(None, owned(Some("wamp"), None)));
    assert_eq!(node(r#""owner": "wamp:www""#), file(None, owned(Some("wamp"), Some("www"))));
    assert_eq!(node(r#""owner": ":100""#), file(None, owned(None, Some("100"))));
    assert_eq!(unix(r#""path": "@node""#), ("@node".to_owned(), None, None));
    assert_eq!(unix(r#""path": "./@node""#).0, "/node/./@node");

    let mode = ".mode: found ";
    let octal = "expected permissions as a string of three or four octal digits, such as \"0660\"";
    let path = r#""type": "unix", "path": "node.sock""#;
    for (mode_text, found) in [
        ("660", "the number 660"),
        (r#""0x1b""#, "the string '0x1b'"),
        (r#""0880""#, "the string '0880'"),
    ] {
        refuses(&format!(r#"{path}, "mode": {mode_text}"#), &[&format!("{mode}{found}; {octal}")]);
    }
    for owner in ["", ":", "wamp:"] {
        let expected = "expected 'user', 'user:group' or ':group'";
        let message = format!(".owner: found the string '{owner}'; {expected}");
        refuses(&format!(r#"{path}, "owner": "{owner}""#), &[&message]);
    }
    let no_file = "a socket of the abstract namespace has no file that this could be set of";
    refuses(
        r#""type": "unix", "path": "@node", "mode": "0660", "owner": "wamp""#,
        &[&format!(".mode: {no_file}"), &format!(".owner: {no_file}")],
    );
    let nameless = ".path: a name of the abstract namespace is missing behind '@'";
    refuses(r#""type": "unix", "path": "@""#, &[nameless]);
}

#[test]
fn endpoint_options_out_of_range_or_of_another_type_are_refused() {
    let port =
        |found: &str| format!(".port: found {found}; expected a whole number from 0 to 65535");
    refuses(r#""type": "tcp", "port": 65536"#, &[&port("the number 65536")]);
    refuses(r#""type": "tcp", "port": -1"#, &[&port("the number -1")]);
    refuses(r#""type": "tcp", "port": 80.5"#, &[&port("the number 80.5")]);
    refuses(r#""type": "tcp", "port": "80""#, &[&port("the string '80'")]);
    refuses(r#""type": "tcp", "port": null"#, &[&port("null")]);
    refuses(r#""type": "tcp", "port": [80]"#, &[&port("a list")]);
    let expected = "expected a whole number from";
    refuses(
        r#""type": "tcp", "port": 80, "backlog": 0, "version": 7, "user_timeout": 65536"#,
        &[
            &format!(".backlog: found the number 0; {expected} 1 to 65535"),
            &format!(".version: found the number 7; {expected} 4 to 6"),
            &format!(".user_timeout: found the number 65536; {expected} 0 to 65535"),
        ],
    );
    refuses(
        r#""type": "tcp", "port": 80, "version": 5"#,
        &[".version: found the number 5; expected 4 or 6"],
    );
    refuses(
        r#""type": "tcp", "port": 80, "shared": 1, "interface": 1"#,
        &[
            ".shared: found the number 1; expected true or false",
            ".interface: found the number 1; expected a string",
        ],
    );
}

#[test]
fn a_tcp_endpoint_needs_a_port_or_a_valid_range() {
    refuses(r#""type": "tcp""#, &[": missing key 'port' in a tcp endpoint"]);
    let list = ".portrange: found a list; expected a list of two ports, the lower one first";
    refuses(r#""type": "tcp", "portrange": [90, 80]"#, &[list]);
    refuses(r#""type": "tcp", "portrange": [80]"#, &[list]);
}

#[test]
fn a_range_of_ports_needs_a_port_that_no_other_transport_has() {
    let faults = |range: &str, interface: &str| {
        let transport = |endpoint: &str| {
            format!(r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", {endpoint}}}}}"#)
        };
        let [one, two] = [80, 81].map(|port| transport(&format!(r#""port": {port}, {interface}"#)));
        let range = transport(&format!(r#""portrange": {range}"#));
        let text =
            router(&format!(r#""realms": [{REALM}], "transports": [{range}, {one}, {two}]"#));
        read_all(&text, FileFormat::Json).map_or_else(|faults| faults.faults, |_| Vec::new())
    };
    let interface_key = r#""interface": "127.0.0.1""#;
    for range in ["[79, 81]", "[80, 82]", "[82, 90]"] {
        assert_eq!(faults(range, interface_key), [], "{range}");
    }
    assert_eq!(faults("[80, 81]", r#""version": 6, "interface": "::1""#), []);
    let taken = faults("[80, 81]", interface_key);
    let [fault] = &taken[..] else { panic!("not one fault: {taken:?}") };
    assert_eq!(fault.location.path, "workers[0].transports[0].endpoint");
    assert_eq!(fault.message, "other transports listen on all ports of this range");
}

#[test]
fn an_interface_that_resembles_an_address_must_be_one() {
    let expected = "expected an IP address or the name of a host, without a port";
    for name in ["300.1.1.1", "1.2.3.4.5", "1..2.3", "127.0.0.1:8080", "[::1]", "::g"] {
        refuses(
            &format!(r#""type": "tcp", "port": 80, "interface": "{name}""#),
            &[&format!(".interface: found the string '{name}'; {expected}")],
        );
    }
    for name in ["127.0.0.1", "::", "127.1", "fe80::1%eth0", "eth.0.example", "1.2.3.example"] {
        listens(&format!(r#""type": "tcp", "port": 80, "interface": "{name}""#));
    }
}

#[test]
fn names_of_the_abstract_namespace_are_limited_to_107_bytes() {
    let unix = |length| format!(r#""type": "unix", "path": "@{}""#, "x".repeat(length));
    listens(&unix(107));
    refuses(&unix(108), &[".path: a name of the abstract namespace has at most 107 bytes"]);
}

#[test]
fn unset_variables_and_variables_without_a_port_are_faults() {
    refuses(
        r#""type": "tcp", "port": "$UNSET""#,
        &[".port: the environment variable 'UNSET' is not set"],
    );
    refuses(
        r#""type": "tcp", "port": "${UNSET}""#,
        &[".port: the environment variable 'UNSET' is not set"],
    );
    refuses(
        r#""type": "tcp", "port": "$TEXT""#,
        &[".port: 'TEXT' is set to no port; expected a whole number from 0 to 65535"],
    );
    refuses(
        r#""type": "unix", "path": "$UNSET/x""#,
        &[".path: the environment variable 'UNSET' is not set"],
    );
}

#[test]
fn endpoints_of_unknown_types_are_refused() {
    refuses("", &[": missing key 'type' in an endpoint"]);
    refuses(r#""type": "udp""#, &[".type: unknown endpoint type 'udp'; expected 'tcp' or 'unix'"]);
    refuses(r#""type": 1"#, &[".type: found the number 1; expected a string"]);
    refuses(
        r#""type": "unix", "path": "x", "port": 1"#,
        &[
            ".port: unknown key 'port' in a unix endpoint; expected one of type, path, backlog, mode, owner, proxy_protocol",
        ],
    );
}

#[test]
fn all_keys_of_a_connecting_endpoint_are_read() {
    let tcp = |host: &str, version, seconds| {
        ConnectingEndpoint::Tcp(ConnectingTcp {
            host: host.to_owned(),
            port: 9_000,
            version,
            timeout: Duration::from_secs(seconds),
        })
    };
    let plain = r#""type": "tcp", "host": "router", "port": 9000"#;
    assert_eq!(connects(plain), tcp("router", IpVersion::V4, 10));
    let full = r#""type": "tcp", "host": "${TEXT}", "port": "$PORT", "version": 6, "timeout": 0"#;
    assert_eq!(connects(full), tcp("text", IpVersion::V6, 0));
    let unix = ConnectingUnix { path: "/node/x".into(), timeout: Duration::from_secs(600) };
    let full = r#""type": "unix", "path": "x", "timeout": 600"#;
    assert_eq!(connects(full), ConnectingEndpoint::Unix(unix));
}

#[test]
fn connecting_endpoint_options_out_of_range_are_refused() {
    let below = "workers[1].components[0].transport.endpoint";
    let faults = sentences(&connecting(r#""type": "tcp", "port": 0, "timeout": 601"#));
    let expected = [
        format!("{below}: missing key 'host' in a connecting tcp endpoint"),
        format!("{below}.port: found the number 0; expected a whole number from 1 to 65535"),
        format!("{below}.timeout: found the number 601; expected a whole number from 0 to 600"),
    ];
    assert_eq!(faults, expected);
}
