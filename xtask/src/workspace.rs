//! The module trees of the workspace's libraries and programs.

use crate::metadata;
use crate::modules::ModuleTree;
use crate::sources;

/// The modules of one library or program of a package.
pub(crate) struct BuildTarget {
    pub(crate) package: String,
    /// Whether it is the package's library, or its program where it has no library.
    pub(crate) is_main: bool,
    pub(crate) tree: ModuleTree,
}

/// Reads all libraries and programs of the workspace's packages, but no tests and examples.
///
/// # Errors
/// A file is missing or is not Rust.
pub(crate) fn targets(workspace: &metadata::Workspace) -> Result<Vec<BuildTarget>, String> {
    let root = sources::root();
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let mut targets = Vec::new();
    for package in workspace.members() {
        for (at, path) in package.target_roots().into_iter().enumerate() {
            let inside = path.strip_prefix(&root).map_err(|_| {
                format!("{} is not in the workspace {}", path.display(), root.display())
            })?;
            let tree = ModuleTree::load(&inside.to_string_lossy(), &read)?;
            targets.push(BuildTarget { package: package.name.clone(), is_main: at == 0, tree });
        }
    }
    Ok(targets)
}
