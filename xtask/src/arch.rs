//! Holds the workspace against the table of [`crate::rules`].
//!
//! Not for style or licences: clippy and cargo-deny look after those.

use crate::metadata::{Dependency, Package, Workspace};
use crate::rules::{CONDITIONS, Condition, Demand, PROGRAMS, RULES, Rule};

/// Every breach of the table, as one sentence each.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace.members().map(|package| package.name.as_str()).collect();
    workspace.members().flat_map(|package| faults_of(workspace, package, &ours)).collect()
}

fn faults_of(workspace: &Workspace, package: &Package, ours: &[&str]) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| rule.package == package.name) else {
        return vec![format!("{} has no row: add one with its reason", package.name)];
    };
    let arrows = package.dependencies.iter().filter(|dep| ours.contains(&dep.name.as_str()));
    let mut faults: Vec<String> = arrows.filter_map(|dep| arrow_fault(rule, dep)).collect();
    let built_with = workspace.built_with(package);
    let strangers = rule.never.iter().filter(|name| built_with.contains(*name));
    faults.extend(strangers.map(|name| {
        format!("{} is built with {name}, which it must not be: {}", rule.package, rule.reason)
    }));
    faults
}

fn arrow_fault(rule: &Rule, dependency: &Dependency) -> Option<String> {
    let (from, to) = (rule.package, dependency.name.as_str());
    if dependency.is_for_development() {
        return PROGRAMS
            .contains(&to)
            .then(|| format!("tests of {from} name {to}: nothing stands above a program"));
    }
    if !rule.may_name.contains(&to) {
        return Some(format!("{from} names {to}, which it may not: {}", rule.reason));
    }
    let condition = CONDITIONS.iter().find(|c| c.from.contains(&from) && c.to == to)?;
    condition_fault(condition, from, dependency)
}

fn condition_fault(condition: &Condition, from: &str, dependency: &Dependency) -> Option<String> {
    let (to, reason) = (condition.to, condition.reason);
    match condition.demand {
        Demand::Optional => (!dependency.optional)
            .then(|| format!("{from} names {to} always, not by a feature: {reason}")),
        Demand::WithoutFeature(feature) => {
            let named = dependency.features.iter().any(|name| name == feature);
            (named || dependency.uses_default_features).then(|| {
                format!("{from} names {to} with `{feature}` or its default features: {reason}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::faults;
    use crate::metadata::parse;

    /// A workspace of the given members; each has `(name, declared dependencies)`, and what is
    /// declared is also what is resolved.
    fn faults_in(members: &[(&str, Value)]) -> Vec<String> {
        let packages: Vec<Value> = members
            .iter()
            .map(|(name, deps)| json!({"name": name, "id": name, "dependencies": deps}))
            .chain([
                json!({"name": "tokio", "id": "tokio"}),
                json!({"name": "middle", "id": "middle"}),
            ])
            .collect();
        let nodes: Vec<Value> = members
            .iter()
            .map(|(name, deps)| json!({"id": name, "deps": resolved(deps)}))
            .chain([json!({"id": "middle", "deps": resolved(&json!([{"name": "tokio"}]))})])
            .collect();
        let ids: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let metadata = json!({
            "packages": packages, "workspace_members": ids, "resolve": {"nodes": nodes}
        });
        faults(&parse(metadata.to_string().as_bytes()).expect("metadata of the test's making"))
    }

    fn resolved(deps: &Value) -> Value {
        let arrow = |dep: &Value| {
            let kind = dep.get("kind").cloned().unwrap_or(Value::Null);
            json!({"pkg": dep["name"], "dep_kinds": [{"kind": kind}]})
        };
        deps.as_array().into_iter().flatten().map(arrow).collect()
    }

    #[test]
    fn arrows_downward_are_fine() {
        let members = [
            ("cloverleaf-wamp", json!([])),
            ("cloverleaf-router", json!([{"name": "cloverleaf-wamp"}])),
            ("cloverleaf-node", json!([{"name": "cloverleaf-router"}, {"name": "tokio"}])),
        ];
        assert_eq!(faults_in(&members), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_the_table_lacks_is_a_fault_with_the_reason() {
        let members = [
            ("cloverleaf-router", json!([])),
            ("cloverleaf-transport", json!([{"name": "cloverleaf-router"}])),
        ];
        assert_eq!(
            faults_in(&members),
            ["cloverleaf-transport names cloverleaf-router, which it may not: it carries \
                 messages for whoever implements its Peer and knows no realm"]
        );
    }

    #[test]
    fn a_package_without_a_row_is_a_fault() {
        assert_eq!(
            faults_in(&[("cloverleaf-surprise", json!([]))]),
            ["cloverleaf-surprise has no row: add one with its reason"]
        );
    }

    #[test]
    fn the_router_is_not_built_with_tokio_even_through_another_package() {
        let found = faults_in(&[("cloverleaf-router", json!([{"name": "middle"}]))]);
        assert_eq!(
            found,
            ["cloverleaf-router is built with tokio, which it must not be: a realm is a \
                 function of who sent what when: no socket, clock or chance in it"]
        );
    }

    #[test]
    fn tests_may_name_what_stands_below_a_program() {
        let dev = |name: &str| json!([{"name": name, "kind": "dev"}]);
        let kit = ("cloverleaf-testkit", json!([]));
        let node = ("cloverleaf-node", json!([]));
        assert_eq!(
            faults_in(&[kit, ("cloverleaf-router", dev("cloverleaf-testkit"))]),
            Vec::<String>::new()
        );
        assert_eq!(
            faults_in(&[node, ("cloverleaf-router", dev("cloverleaf-node"))]),
            ["tests of cloverleaf-router name cloverleaf-node: nothing stands above a program"]
        );
    }

    #[test]
    fn the_clients_core_stands_without_sockets() {
        let client =
            |optional: bool| json!([{"name": "cloverleaf-transport", "optional": optional}]);
        let transport = || ("cloverleaf-transport", json!([]));
        assert_eq!(
            faults_in(&[transport(), ("cloverleaf-client", client(true))]),
            Vec::<String>::new()
        );
        assert_eq!(
            faults_in(&[transport(), ("cloverleaf-client", client(false))]),
            ["cloverleaf-client names cloverleaf-transport always, not by a feature: the \
                 client's core is used without sockets; feature `net` brings them"]
        );
    }

    #[test]
    fn a_bridge_takes_the_client_without_its_sockets() {
        let bridge = |features: Value, default: bool| {
            json!([{
                "name": "cloverleaf-client", "features": features, "uses_default_features": default
            }])
        };
        let faults_with = |dependency: Value| {
            let bridge = ("cloverleaf-http-bridge", dependency);
            faults_in(&[("cloverleaf-client", json!([])), bridge]).len()
        };
        assert_eq!(faults_with(bridge(json!([]), false)), 0);
        assert_eq!(faults_with(bridge(json!(["net"]), false)), 1);
        assert_eq!(faults_with(bridge(json!([]), true)), 1);
    }
}
