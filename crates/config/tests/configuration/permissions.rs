//! Roles and permissions, also those of version 1.

use cloverleaf_config::settings::{
    AllowedActions, DisclosureOptions, DisclosurePolicy, PayloadSchemas, PermissionConfig,
};
use cloverleaf_config::{Loaded, Warning};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use crate::fixtures::{json, permissions, role, sentences, the_realm, warnings};

const CALL: AllowedActions =
    AllowedActions { call: true, register: false, publish: false, subscribe: false };

fn reads(text: &str) -> Vec<PermissionConfig> {
    the_realm(&json(&permissions(text)).settings).roles[0].permissions.clone()
}

fn pattern(text: &str, policy: MatchPolicy) -> UriPattern {
    UriPattern::new(text, policy, UriRule::Loose).expect(text)
}

#[test]
fn all_keys_of_a_permission_are_read() {
    let text = r#"{"uri": "com.example.", "match": "prefix", "allow": {"call": true,
        "register": false}, "disclose": {"caller": true, "publisher": false, "callee": true},
        "trustlevel": 7, "cache": true},
        {"uri": "com.other"}"#;
    let expected = [
        PermissionConfig {
            pattern: pattern("com.example.", MatchPolicy::Prefix),
            allow: CALL,
            disclose: DisclosureOptions {
                caller: Some(DisclosurePolicy::Always),
                publisher: Some(DisclosurePolicy::Never),
                callee: true,
            },
            trustlevel: Some(7),
            validate: PayloadSchemas::default(),
            cache: true,
        },
        PermissionConfig {
            pattern: pattern("com.other", MatchPolicy::Exact),
            allow: AllowedActions::default(),
            disclose: DisclosureOptions::default(),
            trustlevel: None,
            validate: PayloadSchemas::default(),
            cache: false,
        },
    ];
    assert_eq!(reads(text), expected);
}

#[test]
fn disclose_can_forbid_disclose_me() {
    let disclose =
        |value: &str| reads(&format!(r#"{{"uri": "com.a", "disclose": {value}}}"#))[0].disclose;
    let forbid = Some(DisclosurePolicy::Forbid);
    let both = DisclosureOptions { caller: forbid, publisher: forbid, callee: false };
    assert_eq!(disclose(r#""forbid""#), both);
    assert_eq!(disclose(r#"{"caller": "forbid", "publisher": "forbid"}"#), both);
    let caller = DisclosureOptions { caller: forbid, ..DisclosureOptions::default() };
    assert_eq!(disclose(r#"{"caller": "forbid"}"#), caller);
    let below = "workers[0].realms[0].roles[0].permissions[0].disclose";
    let faults = |value: &str| {
        sentences(&permissions(&format!(r#"{{"uri": "com.a", "disclose": {value}}}"#)))
    };
    let expected = "found the string 'never'; expected true, false or 'forbid'";
    assert_eq!(faults(r#"{"caller": "never"}"#), [format!("{below}.caller: {expected}")]);
    let expected = "found the string 'forbid'; expected true or false";
    assert_eq!(faults(r#"{"callee": "forbid"}"#), [format!("{below}.callee: {expected}")]);
}

#[test]
fn star_in_a_uri_selects_the_match_policy() {
    let reads =
        |uri: &str, rest: &str| reads(&format!(r#"{{"uri": "{uri}"{rest}}}"#))[0].pattern.clone();
    assert_eq!(reads("*", ""), pattern("", MatchPolicy::Prefix));
    assert_eq!(reads("com.example.*", ""), pattern("com.example.", MatchPolicy::Prefix));
    assert_eq!(reads("com.*.get", ""), pattern("com..get", MatchPolicy::Wildcard));
    assert_eq!(reads("com.get", ""), pattern("com.get", MatchPolicy::Exact));
    let wildcard = r#", "match": "wildcard""#;
    assert_eq!(reads("com..get", wildcard), pattern("com..get", MatchPolicy::Wildcard));
    let exact = r#", "match": "exact""#;
    assert_eq!(reads("com.*", exact), pattern("com.*", MatchPolicy::Exact));
}

#[test]
fn a_star_beside_match_gets_a_warning() {
    let loaded = json(&permissions(r#"{"uri": "com.*", "match": "prefix"}"#));
    let expected = ["with 'match', a '*' in 'uri' stands for itself"];
    let sentences: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(sentences, expected);
}

#[test]
fn invalid_permissions_are_refused() {
    let below = "workers[0].realms[0].roles[0].permissions";
    let faults = sentences(&permissions(
        r#"{"match": "exact"}, {"uri": 1}, {"uri": "a b"}, {"uri": "a#*"},
        {"uri": "a*b.c d"}, {"uri": "a", "match": "prefx"},
        {"uri": "b", "allow": {"cal": true, "register": "yes"}},
        {"uri": "c", "disclose": true}, {"uri": "d", "call": true}"#,
    ));
    let expected = [
        format!("{below}[0]: missing key 'uri' in a permission"),
        format!("{below}[1].uri: found the number 1; expected a string"),
        format!("{below}[2].uri: 'a b' is not a valid URI"),
        format!("{below}[3].uri: 'a#' is not a valid prefix pattern"),
        format!("{below}[4].uri: 'ab.c d' is not a valid wildcard pattern"),
        format!(
            "{below}[5].match: unknown match policy 'prefx'; expected 'exact', 'prefix' or 'wildcard'; did you mean 'prefix'?"
        ),
        format!(
            "{below}[6].allow.cal: unknown key 'cal' in a permission's 'allow'; did you mean 'call'?"
        ),
        format!("{below}[6].allow.register: found the string 'yes'; expected true or false"),
        format!("{below}[7].disclose: found true; expected a map: a permission's 'disclose'"),
        format!(
            "{below}[8].call: 'call' of a permission is written inside of 'allow' since version 2"
        ),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn actions_without_allow_are_accepted_in_version_1() {
    let text = |rest: &str| {
        format!(
            r#"{{"workers": [{{"type": "router", "realms": [{{"name": "realm1", "roles": [
            {{"name": "anonymous", "permissions": [{{"uri": "com.*", {rest}}}]}}]}}]}}]}}"#
        )
    };
    let loaded = json(&text(r#""call": true, "publish": false"#));
    let expected = PermissionConfig {
        pattern: pattern("com.", MatchPolicy::Prefix),
        allow: CALL,
        disclose: DisclosureOptions::default(),
        trustlevel: None,
        validate: PayloadSchemas::default(),
        cache: false,
    };
    assert_eq!(the_realm(&loaded.settings).roles[0].permissions, [expected]);
    assert_eq!(
        warnings(&loaded)[1],
        "2:51: workers[0].realms[0].roles[0].permissions[0]: this permission is written in the \
         older form; today it has \"allow\": {\"call\": true, \"publish\": false}"
    );
    let both = sentences(&text(r#""call": true, "allow": {"call": false}"#));
    assert_eq!(
        both,
        ["workers[0].realms[0].roles[0].permissions[0].allow: 'allow' beside the actions of the \
          older form"]
    );
}

#[test]
fn role_names_must_follow_their_rule_and_be_unique() {
    let text = |names: &str| {
        let roles: Vec<String> = names
            .split(',')
            .map(|name| format!(r#"{{"name": "{name}", "permissions": [{{"uri": "*"}}]}}"#))
            .collect();
        role(&roles.join(", "))
    };
    let names = |names: &str| {
        let settings = json(&text(names)).settings;
        the_realm(&settings).roles.iter().map(|role| role.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("anonymous,com.example.Admin-1"), ["anonymous", "com.example.Admin-1"]);
    for name in ["", "a \\u0000"] {
        assert!(sentences(&text(name))[0].contains("is no name of a role; expected"), "{name}");
    }
    assert_eq!(
        sentences(&text("one,two,one")),
        ["workers[0].realms[0].roles[2]: the role 'one' is already there in line 1"]
    );
}

#[test]
fn a_role_without_permissions_gets_a_warning() {
    let loaded = json(&role(r#"{"name": "anonymous"}"#));
    let expected = "workers[0].realms[0].roles[0]: this role has no permissions, so that \
                    everything is denied to it";
    assert_eq!(warnings(&loaded), [format!("1:87: {expected}")]);
}

#[test]
fn the_last_of_two_permissions_with_the_same_pattern_counts() {
    let text = "{\"uri\": \"a\", \"allow\": {\"call\": true}},\n{\"uri\": \"b\"},\n\
                {\"uri\": \"a\", \"match\": \"exact\"}";
    let loaded = json(&permissions(text));
    let kept: Vec<String> = the_realm(&loaded.settings).roles[0]
        .permissions
        .iter()
        .map(|permission| format!("{} {}", permission.pattern.as_str(), permission.allow.call))
        .collect();
    assert_eq!(kept, ["b false", "a false"]);
    let expected = "workers[0].realms[0].roles[0].permissions[0]: no effect: the permission in \
                    line 3 has the same pattern";
    assert_eq!(warnings(&loaded), [format!("1:125: {expected}")]);
}

/// The warnings about the precedence of two permissions, of which the first allows calls.
fn surprises(one: (&str, &str), other: (&str, &str)) -> Vec<String> {
    let ((one, policy), (other, other_policy)) = (one, other);
    let text = permissions(&format!(
        r#"{{"uri": "{one}", "match": "{policy}", "allow": {{"call": true}}}},
        {{"uri": "{other}", "match": "{other_policy}"}}"#
    ));
    messages(&json(&text))
}

/// The warnings about precedence in this router, without comparison to Crossbar.io.
fn messages(loaded: &Loaded) -> Vec<String> {
    about_precedence(loaded).map(|warning| warning.message.clone()).collect()
}

fn about_precedence(loaded: &Loaded) -> impl Iterator<Item = &Warning> {
    let is_about_crossbar =
        |warning: &&Warning| warning.message.starts_with("differs from Crossbar.io");
    loaded.warnings.iter().filter(move |warning| !is_about_crossbar(warning))
}

#[test]
fn overridden_permissions_with_a_longer_pattern_get_a_warning() {
    let warning = |longer: &str, counting: &str, line: u32| {
        format!(
            "the pattern '{longer}' is longer than '{counting}' of line {line}, which counts \
             before it where both match (exact, then wildcard, then the longest prefix)"
        )
    };
    assert_eq!(
        surprises(("com.example.a", "prefix"), ("com..add", "wildcard")),
        [warning("com.example.a", "com..add", 2)]
    );
    assert_eq!(
        surprises(("a.b..d", "wildcard"), ("a..something.d", "wildcard")),
        [warning("a..something.d", "a.b..d", 1)]
    );
}

#[test]
fn permissions_with_the_same_effect_in_every_order_get_no_warning() {
    let quiet = [
        (("com.example.a", "prefix"), ("org..add", "wildcard")),
        (("com.example.b", "prefix"), ("com..add", "wildcard")),
        (("com.example.add.more", "prefix"), ("com..add", "wildcard")),
        (("com", "prefix"), ("com..add", "wildcard")),
        (("com.example.add", "exact"), ("com..add", "wildcard")),
        (("com.example.", "prefix"), ("com.", "prefix")),
        (("a.b..d", "wildcard"), ("a.b.x.dd", "exact")),
        (("a.b..d", "wildcard"), ("a..c.x.y", "wildcard")),
    ];
    for (one, other) in quiet {
        assert_eq!(surprises(one, other), [""; 0], "{one:?} {other:?}");
    }
}

#[test]
fn a_denial_within_an_allowed_pattern_gets_a_warning() {
    let about = |denied: &str, policy: &str| {
        let text = permissions(&format!(
            r#"{{"uri": "com.*", "allow": {{"subscribe": true, "register": true, "call": true}}}},
            {{"uri": "{denied}", "match": "{policy}", "allow": {{"register": true}}}}"#
        ));
        messages(&json(&text))
    };
    let warning = "clients that may subscribe to the whole pattern 'com.' of line 1 still reach what \
                   this permission denies";
    assert_eq!(about("com.secret", "exact"), [warning]);
    assert_eq!(about("com.secret.", "prefix"), [warning]);
    assert_eq!(about("com..secret", "wildcard"), [warning]);
    assert_eq!(about(".example.secret", "wildcard"), [warning], "a part of it");
    assert_eq!(about("org.secret", "exact"), [""; 0]);
    assert_eq!(about("org..secret", "wildcard"), [""; 0]);
    assert_eq!(about("co", "prefix"), [""; 0], "the allowed pattern counts");
}

#[test]
fn a_denial_that_overrides_an_allowed_wildcard_gets_a_warning() {
    let about = |denied: &str, allowed: &str| {
        let text = permissions(&format!(
            r#"{{"uri": "{allowed}", "match": "wildcard", "allow": {{"subscribe": true}}}},
            {{"uri": "{denied}", "match": "wildcard", "allow": {{"subscribe": false}}}}"#
        ));
        about_precedence(&json(&text)).map(|warning| warning.location.line).collect::<Vec<_>>()
    };
    assert_eq!(about("a.b.", ".b."), [2], "the denial counts for a.b.c");
    assert_eq!(about(".b.", "a.."), [0; 0], "the allowed pattern counts for a.b.c");
    assert_eq!(about(".b.", "a.c."), [0; 0], "no URI matches both");
}
