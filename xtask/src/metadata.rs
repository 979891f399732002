//! The output of `cargo metadata`, reduced to what the checks need: the packages of the workspace,
//! their declared and resolved dependencies, and their root files.
//!
//! Not for judging: that is [`crate::arch`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
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
    #[serde(default)]
    targets: Vec<PackageTarget>,
}

/// A library, program, test or the like that a package builds.
#[derive(Debug, Deserialize)]
struct PackageTarget {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Package {
    /// The root files of its library and its programs; the library comes first.
    pub(crate) fn target_roots(&self) -> Vec<&Path> {
        let of_kind = |kind: &'static str| {
            let targets = self.targets.iter().filter(move |target| target.is(kind));
            targets.map(|target| target.src_path.as_path())
        };
        of_kind("lib").chain(of_kind("bin")).collect()
    }
}

impl PackageTarget {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
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
    /// Whether it is a dependency of tests, examples and benchmarks only.
    pub(crate) fn is_for_development(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<ResolvedPackage>,
}

#[derive(Debug, Deserialize)]
struct ResolvedPackage {
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
/// `cargo metadata` can't be run, fails, or prints something unexpected.
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

    /// The names of all direct and indirect dependencies of `package`, without those for
    /// development.
    pub(crate) fn built_with(&self, package: &Package) -> BTreeSet<&str> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let nodes: BTreeMap<&str, &ResolvedPackage> =
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
