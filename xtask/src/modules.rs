//! The modules of one library or program: their files, their items, and which file defines a name.
//!
//! Modules that exist in tests only are left out, and so are those with a `#[path]` attribute,
//! whose files belong to another crate.
//!
//! Not for the arrows between files: those are [`crate::arch`]'s.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, UseTree, Visibility};

use crate::syntax;

/// Longest chain of re-exports that is followed; a cycle of imports ends here.
const MAX_DEPTH: usize = 32;

/// The modules of one library or program.
pub(crate) struct ModuleTree {
    /// The paths of the files; the first one is the root.
    pub(crate) files: Vec<String>,
    /// The modules; the first one is the root.
    pub(crate) modules: Vec<Module>,
    /// The file of each `macro_rules!` of the tree.
    macros: BTreeMap<String, usize>,
}

/// One module, inline or with a file of its own.
pub(crate) struct Module {
    pub(crate) name: String,
    /// Index of the file that it is written in.
    pub(crate) file: usize,
    /// Index of the module that declares it; none for the root.
    pub(crate) parent: Option<usize>,
    /// Its items without those of its child modules.
    pub(crate) items: Vec<Item>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A module itself, by its index.
    Module(usize),
    /// An item, or a part of one, by the index of the file that defines it.
    Item(usize),
}

/// One name that a `use` declaration brings in.
#[derive(Debug)]
pub(crate) struct ImportedName {
    /// The segments of the imported path; of a glob, those before the asterisk.
    pub(crate) path: Vec<String>,
    /// The name in the importing module; none of a glob and of `_`.
    pub(crate) name: Option<String>,
    pub(crate) is_glob: bool,
}

impl ModuleTree {
    /// Reads the tree below the file `root`; `read` returns the text of a file, if it exists.
    ///
    /// # Errors
    /// A file is missing or is not Rust.
    pub(crate) fn load(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut tree = Self { files: Vec::new(), modules: Vec::new(), macros: BTreeMap::new() };
        let text = read(root).ok_or_else(|| format!("{root} can't be read"))?;
        let items = syntax::parse(root, &text)?.items;
        tree.files.push(root.to_owned());
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        tree.add("crate", 0, None, items, &folder, read)?;
        Ok(tree)
    }

    fn add(
        &mut self,
        name: &str,
        file: usize,
        parent: Option<usize>,
        items: Vec<Item>,
        folder: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<usize, String> {
        let index = self.modules.len();
        self.modules.push(Module::new(name, file, parent));
        for item in items {
            if syntax::is_test_only(syntax::attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(module) if syntax::has_path_attribute(&module.attrs) => {}
                Item::Mod(module) => {
                    let child = module.ident.to_string();
                    let below = format!("{folder}/{child}");
                    let (file, items) = match module.content {
                        Some((_, items)) => (file, items),
                        None => self.read(&below, read)?,
                    };
                    let at = self.add(&child, file, Some(index), items, &below, read)?;
                    self.modules[index].children.insert(child, at);
                }
                item => {
                    if let Item::Macro(definition) = &item
                        && let Some(name) = &definition.ident
                    {
                        self.macros.insert(name.to_string(), file);
                    }
                    self.modules[index].keep(item);
                }
            }
        }
        Ok(index)
    }

    /// Reads the file of the module whose children are in the folder `below`.
    fn read(
        &mut self,
        below: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(usize, Vec<Item>), String> {
        let paths = [format!("{below}.rs"), format!("{below}/mod.rs")];
        let found = paths.into_iter().find_map(|path| read(&path).map(|text| (path, text)));
        let (path, text) = found.ok_or_else(|| format!("{below}.rs can't be read"))?;
        let items = syntax::parse(&path, &text)?.items;
        self.files.push(path);
        Ok((self.files.len() - 1, items))
    }

    /// The target of `path` as written in `module`; `None` outside the tree.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> Option<Resolved> {
        self.resolve_within(module, path, MAX_DEPTH)
    }

    fn resolve_within(&self, module: usize, path: &[String], depth: usize) -> Option<Resolved> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Resolved::Module(0),
            "self" => Resolved::Module(module),
            "super" => Resolved::Module(self.modules[module].parent?),
            name => self.find(module, name, !rest.is_empty(), depth)?,
        };
        for (at, segment) in rest.iter().enumerate() {
            let Resolved::Module(inside) = found else { break };
            let has_more = at + 1 < rest.len();
            found = match segment.as_str() {
                "self" => found,
                "super" => Resolved::Module(self.modules[inside].parent?),
                // A macro of the module may define what is not found.
                name => self
                    .find(inside, name, has_more, depth)
                    .unwrap_or(Resolved::Item(self.modules[inside].file)),
            };
        }
        Some(found)
    }

    fn find(&self, module: usize, name: &str, has_more: bool, depth: usize) -> Option<Resolved> {
        let within = &self.modules[module];
        let child = within.children.get(name).map(|child| Resolved::Module(*child));
        let item = within.defined.contains(name).then_some(Resolved::Item(within.file));
        // A module and a function may have the same name: what follows says which is meant.
        let own = if has_more { child.or(item) } else { item.or(child) };
        if own.is_some() {
            return own;
        }
        if let Some(path) = within.imports.get(name) {
            return self.resolve_within(module, path, depth);
        }
        within.globs.iter().find_map(|path| match self.resolve_within(module, path, depth)? {
            Resolved::Module(source) if source != module => {
                self.find(source, name, has_more, depth.checked_sub(1)?)
            }
            _ => None,
        })
    }

    /// The file of the macro that is called by a bare name.
    pub(crate) fn macro_file(&self, name: &str) -> Option<usize> {
        self.macros.get(name).copied()
    }

    /// The module below the root that each file belongs to; `crate` for the root's own file.
    pub(crate) fn top_modules(&self) -> Vec<&str> {
        let mut names = vec!["crate"; self.files.len()];
        // Children come after their parents, so the module that the file was read for comes first.
        for (index, module) in self.modules.iter().enumerate().rev() {
            names[module.file] = self.top_module(index);
        }
        names
    }

    fn top_module(&self, mut index: usize) -> &str {
        while let Some(parent) = self.modules[index].parent.filter(|parent| *parent != 0) {
            index = parent;
        }
        &self.modules[index].name
    }
}

impl Module {
    fn new(name: &str, file: usize, parent: Option<usize>) -> Self {
        Self {
            name: name.to_owned(),
            file,
            parent,
            items: Vec::new(),
            children: BTreeMap::new(),
            defined: BTreeSet::new(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
        }
    }

    fn keep(&mut self, item: Item) {
        if let Some(name) = syntax::defined_name(&item) {
            self.defined.insert(name.to_string());
        }
        if let Item::Use(import) = &item
            && import.leading_colon.is_none()
        {
            for ImportedName { path, name, is_glob } in imported_names(&import.tree) {
                if is_glob {
                    self.globs.push(path);
                } else if let Some(name) = name {
                    self.imports.insert(name, path);
                }
            }
        }
        self.items.push(item);
    }
}

/// Whether a `use` declaration is a re-export.
pub(crate) fn is_reexport(import: &syn::ItemUse) -> bool {
    !matches!(import.vis, Visibility::Inherited)
}

/// The names that a `use` declaration brings in.
pub(crate) fn imported_names(tree: &UseTree) -> Vec<ImportedName> {
    let mut names = Vec::new();
    collect_names(tree, &mut Vec::new(), &mut names);
    names
}

fn collect_names(tree: &UseTree, before: &mut Vec<String>, names: &mut Vec<ImportedName>) {
    let with = |before: &[String], last: &syn::Ident| {
        let mut path = before.to_vec();
        // `use a::{self}` imports `a`.
        if last != "self" || path.is_empty() {
            path.push(last.to_string());
        }
        path
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect_names(&path.tree, before, names);
            before.pop();
        }
        UseTree::Name(name) => {
            let path = with(before, &name.ident);
            names.push(ImportedName { name: path.last().cloned(), path, is_glob: false });
        }
        UseTree::Rename(rename) => {
            let path = with(before, &rename.ident);
            let name = Some(rename.rename.to_string()).filter(|name| name != "_");
            names.push(ImportedName { path, name, is_glob: false });
        }
        UseTree::Glob(_) => {
            names.push(ImportedName { path: before.clone(), name: None, is_glob: true });
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_names(tree, before, names);
            }
        }
    }
}
