//! What `cargo metadata` says, reduced to what the checks ask: which packages are ours, what each
//! declares, and what each is resolved to.
//!
//! Not for judging: that is [`crate::arch`].

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

/// The workspace and every package that it is built with.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

/// One package with the dependencies that its manifest declares.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    id: String,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency table.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) features: Vec<String>,
    #[serde(default)]
    pub(crate) uses_default_features: bool,
}

impl Dependency {
    /// Whether only tests, examples and benchmarks see it.
    pub(crate) fn is_for_development(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Arrow>,
}

#[derive(Debug, Deserialize)]
struct Arrow {
    pkg: String,
    dep_kinds: Vec<ArrowKind>,
}

#[derive(Debug, Deserialize)]
struct ArrowKind {
    kind: Option<String>,
}

/// Runs `cargo metadata` in the current directory.
///
/// # Errors
/// Says what failed: cargo could not be run, refused, or printed something else.
pub(crate) fn load() -> Result<Workspace, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cargo metadata can't be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    parse(&output.stdout)
}

/// Reads the output of `cargo metadata`.
pub(crate) fn parse(json: &[u8]) -> Result<Workspace, String> {
    serde_json::from_slice(json).map_err(|error| format!("unexpected metadata: {error}"))
}

impl Workspace {
    /// The packages of the workspace itself.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The names of all packages that `package` is built with, directly or not; what only its
    /// development needs is left out.
    pub(crate) fn built_with(&self, package: &Package) -> BTreeSet<&str> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let nodes: BTreeMap<&str, &Node> =
            self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut seen = BTreeSet::new();
        let mut ahead = vec![package.id.as_str()];
        while let Some(id) = ahead.pop() {
            let arrows = nodes.get(id).map_or(&[][..], |node| &node.deps);
            for arrow in arrows.iter().filter(|arrow| arrow.is_normal()) {
                if seen.insert(arrow.pkg.as_str()) {
                    ahead.push(&arrow.pkg);
                }
            }
        }
        seen.iter().filter_map(|id| names.get(id).copied()).collect()
    }
}

impl Arrow {
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|dep| dep.kind.is_none())
    }
}
