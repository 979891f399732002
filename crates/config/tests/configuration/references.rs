//! References to realms and roles, and names and addresses that are used twice.

use crate::fixtures::{REALM, json, paths, router, sentences, the_router, transport, workers};

const CALLER: &str = r#""call": {"type": "caller", "realm": "realm1", "role": "anonymous"}"#;

#[test]
fn the_realm_and_role_of_a_bridge_must_exist() {
    json(&paths(CALLER));
    let below = "workers[0].transports[0].paths.call";
    assert_eq!(
        sentences(&paths(&CALLER.replace("realm1", "realm2"))),
        [format!("{below}.realm: no router has a realm 'realm2'; did you mean 'realm1'?")]
    );
    assert_eq!(
        sentences(&paths(&CALLER.replace("anonymous", "anonymus"))),
        [format!(
            "{below}.role: the realm 'realm1' has no role 'anonymus'; did you mean 'anonymous'?"
        )]
    );
}

#[test]
fn realms_of_other_routers_exist_and_those_of_disabled_routers_do_not() {
    let web = format!(
        r#"{{"type": "router", "transports": [{{"type": "web",
        "endpoint": {{"type": "tcp", "port": 1}}, "paths": {{{CALLER}}}}}]}}"#
    );
    let other = |options: &str| {
        workers(&format!(r#"{web}, {{"type": "router", {options} "realms": [{REALM}]}}"#))
    };
    json(&other(""));
    assert_eq!(
        sentences(&other(r#""options": {"disabled": true},"#)),
        ["workers[0].transports[0].paths.call.realm: no router has a realm 'realm1'"]
    );
}

#[test]
fn the_realm_and_role_of_a_router_component_must_exist() {
    let component = |realm: &str, role: &str| {
        router(&format!(
            r#""realms": [{REALM}], "components": [{{"type": "class", "classname": "a.B",
            "realm": "{realm}"{role}}}]"#
        ))
    };
    json(&component("realm1", ""));
    json(&component("realm1", r#", "role": "anonymous""#));
    assert_eq!(
        sentences(&component("other", "")),
        ["workers[0].components[0].realm: no router has a realm 'other'"]
    );
    assert_eq!(
        sentences(&component("realm1", r#", "role": "backend""#)),
        ["workers[0].components[0].role: the realm 'realm1' has no role 'backend'"]
    );
}

#[test]
fn the_role_of_anonymous_sessions_must_exist() {
    let auth = |auth: &str| {
        transport(&format!(
            r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 1}},
            "auth": {{"anonymous": {{{auth}}}}}}}"#
        ))
    };
    let below = "workers[0].transports[0].auth.anonymous";
    json(&auth(""));
    json(&auth(r#""role": "anonymous""#));
    assert_eq!(
        sentences(&auth(r#""role": "guest""#)),
        [format!("{below}.role: no realm has a role 'guest'")]
    );
    assert_eq!(
        sentences(&auth(r#""realm": "realm1", "role": "guest""#)),
        [format!("{below}.role: the realm 'realm1' has no role 'guest'")]
    );
    assert_eq!(
        sentences(&auth(r#""realm": "other", "role": "anonymous""#)),
        [format!("{below}.realm: no router has a realm 'other'")]
    );
}

#[test]
fn the_realm_of_a_container_component_must_exist_if_it_connects_to_this_node() {
    let node = |realm: &str, endpoint: &str| {
        workers(&format!(
            r#"{{"type": "router", "realms": [{REALM}], "transports": [
            {{"type": "rawsocket", "endpoint": {{"type": "unix", "path": "x.sock"}}}},
            {{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 9000}}}}]}},
            {{"type": "container", "components": [{{"type": "class", "classname": "a.B",
            "realm": "{realm}", "transport": {{"type": "rawsocket", "serializer": "json",
            "endpoint": {{{endpoint}}}}}}}]}}"#
        ))
    };
    let fault = ["workers[1].components[0].realm: no router has a realm 'other'"];
    let endpoints_here = [
        r#""type": "unix", "path": "/node/x.sock""#,
        r#""type": "tcp", "host": "127.0.0.1", "port": 9000"#,
        r#""type": "tcp", "host": "localhost", "port": 9000"#,
    ];
    for endpoint in endpoints_here {
        json(&node("realm1", endpoint));
        assert_eq!(sentences(&node("other", endpoint)), fault, "{endpoint}");
    }
    // The component is no proxy.
    let proxied = node("realm1", endpoints_here[0])
        .replace(r#""x.sock""#, r#""x.sock", "proxy_protocol": true"#);
    assert_eq!(
        sentences(&proxied),
        ["workers[1].components[0].realm: the transport in line 4, to which this component \
          connects, is for a proxy ('proxy_protocol'); expected a transport without it"]
    );
    // The component may use the other transport.
    let both = |proxied: &str, plain: &str| {
        workers(&format!(
            r#"{{"type": "router", "realms": [{REALM}], "transports": [
            {{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 9000, "interface":
              "{proxied}", "proxy_protocol": true}}}},
            {{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 9000, "interface":
              "{plain}"}}}}]}},
            {{"type": "container", "components": [{{"type": "class", "classname": "a.B",
            "realm": "realm1", "transport": {{"type": "rawsocket", "serializer": "json",
            "endpoint": {{"type": "tcp", "host": "127.0.0.1", "port": 9000}}}}}}]}}"#
        ))
    };
    json(&both("10.0.0.5", "127.0.0.1"));
    json(&both("10.0.0.5", "10.0.0.6"));
    assert_eq!(sentences(&both("127.0.0.1", "10.0.0.5")).len(), 1);
    let elsewhere = [
        r#""type": "unix", "path": "y.sock""#,
        r#""type": "tcp", "host": "router.example.com", "port": 9000"#,
        r#""type": "tcp", "host": "127.0.0.1", "port": 9001"#,
    ];
    for endpoint in elsewhere {
        json(&node("other", endpoint));
    }
}

#[test]
fn references_are_not_checked_if_a_realm_has_no_valid_name() {
    let faulty = router(&format!(
        r#""realms": [{{"name": "x"}}], "transports": [{{"type": "web",
        "endpoint": {{"type": "tcp", "port": 1}}, "paths": {{{CALLER}}}}}]"#
    ));
    assert_eq!(sentences(&faulty).len(), 1);
    let misspelt = router(&format!(
        r#""realm": [{REALM}], "transports": [{{"type": "web",
        "endpoint": {{"type": "tcp", "port": 1}}, "paths": {{{CALLER}}}}}]"#
    ));
    assert_eq!(
        sentences(&misspelt),
        ["workers[0].realm: unknown key 'realm' in a router; did you mean 'realms'?"]
    );
}

#[test]
fn realm_names_must_be_unique() {
    let text = workers(&format!(
        r#"{{"type": "router", "realms": [{REALM}]}}, {{"type": "router", "realms": [{REALM}]}}"#
    ));
    assert_eq!(
        sentences(&text),
        ["workers[1].realms[0]: the realm 'realm1' is already there in line 1: all workers share \
          the realms of the node, so remove this one, or give it another name"]
    );
}

/// Two transports that listen at these endpoints.
fn both(one: &str, other: &str) -> String {
    router(&format!(
        r#""transports": [{{"type": "rawsocket", "endpoint": {{{one}}}}},
        {{"type": "rawsocket", "endpoint": {{{other}}}}}]"#
    ))
}

#[test]
fn two_transports_cannot_listen_at_the_same_address() {
    let fault = ["workers[0].transports[1].endpoint: the transport in line 1 already listens here"];
    let clashing = [
        (r#""type": "unix", "path": "x""#, r#""type": "unix", "path": "/node/x""#),
        (r#""type": "tcp", "port": 80"#, r#""type": "tcp", "port": 80"#),
        (
            r#""type": "tcp", "port": 80"#,
            r#""type": "tcp", "port": 80, "interface": "127.0.0.1", "shared": true"#,
        ),
        (
            r#""type": "tcp", "port": 80, "interface": "localhost""#,
            r#""type": "tcp", "port": 80, "interface": "127.0.0.1""#,
        ),
        (
            r#""type": "tcp", "port": 80, "interface": "localhost", "version": 6"#,
            r#""type": "tcp", "port": 80, "interface": "::1""#,
        ),
        // The unspecified address of IPv6 includes those of IPv4.
        (r#""type": "tcp", "port": 80"#, r#""type": "tcp", "port": 80, "version": 6"#),
        (
            r#""type": "tcp", "port": 80, "version": 6, "interface": "::""#,
            r#""type": "tcp", "port": 80, "interface": "127.0.0.1""#,
        ),
        (
            r#""type": "tcp", "port": 80, "interface": "::""#,
            r#""type": "tcp", "port": 80, "interface": "::1", "version": 6"#,
        ),
    ];
    for (one, other) in clashing {
        assert_eq!(sentences(&both(one, other)), fault, "{one} {other}");
    }
}

#[test]
fn transports_at_different_addresses_do_not_conflict() {
    let apart = [
        (r#""type": "unix", "path": "x""#, r#""type": "unix", "path": "y""#),
        (r#""type": "tcp", "port": 80"#, r#""type": "tcp", "port": 81"#),
        (r#""type": "tcp", "port": 0"#, r#""type": "tcp", "port": 0"#),
        (
            r#""type": "tcp", "port": 80, "interface": "localhost""#,
            r#""type": "tcp", "port": 80, "interface": "localhost", "version": 6"#,
        ),
        (
            r#""type": "tcp", "port": 80"#,
            r#""type": "tcp", "port": 80, "version": 6, "interface": "::1""#,
        ),
        // The address determines the version.
        (
            r#""type": "tcp", "port": 80, "interface": "0.0.0.0""#,
            r#""type": "tcp", "port": 80, "interface": "fd00::5""#,
        ),
        (
            r#""type": "tcp", "port": 80, "interface": "127.0.0.1""#,
            r#""type": "tcp", "port": 80, "interface": "127.0.0.2""#,
        ),
        (
            r#""type": "tcp", "port": 80, "shared": true"#,
            r#""type": "tcp", "port": 80, "shared": true"#,
        ),
    ];
    for (one, other) in apart {
        json(&both(one, other));
    }
}

const TEMPLATE: &str = r#""realm_template": {"max_realms": 5, "roles": [{"name": "tenant"}]}"#;

#[test]
fn a_role_without_a_realm_may_be_one_of_the_template() {
    let anonymous = |role: &str| {
        router(&format!(
            r#"{TEMPLATE}, "transports": [{{"type": "websocket", "endpoint": {{"type": "tcp",
            "port": 1}}, "auth": {{"anonymous": {{"type": "static", "role": "{role}"}}}}}}]"#
        ))
    };
    let loaded = json(&anonymous("tenant"));
    let template = the_router(&loaded.settings).realm_template.clone().expect("a template");
    assert_eq!((template.max_realms, template.named("com.a").name), (5, "com.a".to_owned()));
    assert_eq!(
        sentences(&anonymous("tenants")),
        ["workers[0].transports[0].auth.anonymous.role: no realm has a role 'tenants'; did you \
          mean 'tenant'?"]
    );
}

#[test]
fn there_is_at_most_one_template_and_it_has_no_file() {
    let twice =
        workers(&format!(r#"{{"type": "router", {TEMPLATE}}}, {{"type": "router", {TEMPLATE}}}"#));
    assert_eq!(
        sentences(&twice),
        ["workers[1].realm_template: another router has a template of realms, in line 1"]
    );
    let shared = router(
        r#""realm_template": {"roles": [{"name": "a"}], "store": {"type": "redb", "path": "x"}}"#,
    );
    assert_eq!(
        sentences(&shared),
        ["workers[0].realm_template: realms of a template can't share a file: let their store be \
          of type 'memory'"]
    );
}
