//! Checks the dependencies of each package against the table in [`crate::rules::packages`].

use crate::metadata::{Dependency, Package, Workspace};
use crate::rules::packages::{CONDITIONS, Condition, Demand, PROGRAMS, PackageRule, RULES};

/// Dependencies that the table does not allow, as one sentence each.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace.members().map(|package| package.name.as_str()).collect();
    workspace.members().flat_map(|package| faults_of(workspace, package, &ours)).collect()
}

/// Rows and arrows of the table that name no package of the workspace, as one sentence each.
pub(crate) fn stale_rows(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace.members().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for PackageRule { package, may_name, .. } in RULES {
        if !ours.contains(package) {
            faults.push(format!("{package} has a row but is no package: remove the row"));
        }
        for name in may_name.iter().filter(|name| !ours.contains(name)) {
            faults.push(format!("{package} may name {name}, which is no package"));
        }
    }
    faults
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
        format!("{} is built with {name}, which is not allowed: {}", rule.package, rule.reason)
    }));
    faults
}

fn arrow_fault(rule: &PackageRule, dependency: &Dependency) -> Option<String> {
    let (from, to) = (rule.package, dependency.name.as_str());
    if dependency.is_for_development() {
        return PROGRAMS
            .contains(&to)
            .then(|| format!("tests of {from} name {to}, which is a program"));
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
        Demand::Optional => {
            (!dependency.optional).then(|| format!("{from} names {to} without a feature: {reason}"))
        }
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

    use super::{faults, stale_rows};
    use crate::metadata::{Workspace, parse};

    fn faults_in(members: &[(&str, Value)]) -> Vec<String> {
        faults(&workspace(members))
    }

    /// A workspace of members with `(name, declared dependencies)`, which are also the resolved
    /// ones.
    fn workspace(members: &[(&str, Value)]) -> Workspace {
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
        parse(metadata.to_string().as_bytes()).expect("the metadata is valid")
    }

    fn resolved(deps: &Value) -> Value {
        let arrow = |dep: &Value| {
            let kind = dep.get("kind").cloned().unwrap_or(Value::Null);
            json!({"pkg": dep["name"], "dep_kinds": [{"kind": kind}]})
        };
        deps.as_array().into_iter().flatten().map(arrow).collect()
    }

    #[test]
    fn arrows_of_the_table_are_allowed() {
        let members = [
            ("cloverleaf-wamp", json!([])),
            ("cloverleaf-router", json!([{"name": "cloverleaf-wamp"}])),
            ("cloverleaf-realms", json!([{"name": "cloverleaf-router"}, {"name": "tokio"}])),
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
                 messages for an implementation of its Peer trait and knows no realm"]
        );
    }

    #[test]
    fn a_row_without_its_package_is_a_fault() {
        let stale = stale_rows(&workspace(&[("cloverleaf-router", json!([]))]));
        let is_stale = |fault: &str| stale.iter().any(|found| found == fault);
        assert!(is_stale("cloverleaf-wamp has a row but is no package: remove the row"));
        assert!(is_stale("cloverleaf-router may name cloverleaf-wamp, which is no package"));
        assert!(!stale.iter().any(|found| found.starts_with("cloverleaf-router has a row")));
    }

    #[test]
    fn a_package_without_a_row_is_a_fault() {
        assert_eq!(
            faults_in(&[("cloverleaf-surprise", json!([]))]),
            ["cloverleaf-surprise has no row: add one with its reason"]
        );
    }

    #[test]
    fn an_indirect_dependency_of_the_router_on_tokio_is_a_fault() {
        let found = faults_in(&[("cloverleaf-router", json!([{"name": "middle"}]))]);
        assert_eq!(
            found,
            ["cloverleaf-router is built with tokio, which is not allowed: a realm is a \
                 function of messages, sessions and times: it has no socket, clock or randomness"]
        );
    }

    #[test]
    fn tests_may_name_libraries_but_no_programs() {
        let dev = |name: &str| json!([{"name": name, "kind": "dev"}]);
        let kit = ("cloverleaf-testkit", json!([]));
        let node = ("cloverleaf-node", json!([]));
        assert_eq!(
            faults_in(&[kit, ("cloverleaf-router", dev("cloverleaf-testkit"))]),
            Vec::<String>::new()
        );
        assert_eq!(
            faults_in(&[node, ("cloverleaf-router", dev("cloverleaf-node"))]),
            ["tests of cloverleaf-router name cloverleaf-node, which is a program"]
        );
    }

    #[test]
    fn the_transport_is_optional_for_the_client() {
        let client =
            |optional: bool| json!([{"name": "cloverleaf-transport", "optional": optional}]);
        let transport = || ("cloverleaf-transport", json!([]));
        assert_eq!(
            faults_in(&[transport(), ("cloverleaf-client", client(true))]),
            Vec::<String>::new()
        );
        assert_eq!(
            faults_in(&[transport(), ("cloverleaf-client", client(false))]),
            ["cloverleaf-client names cloverleaf-transport without a feature: the \
                 client's core is used without sockets; feature `net` brings them"]
        );
    }

    #[test]
    fn the_bridge_uses_the_client_without_its_sockets() {
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
