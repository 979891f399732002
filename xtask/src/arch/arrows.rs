//! The arrows between the files of a module tree: which file names an item of which other one.
//!
//! Declaring a child module and re-exporting its items makes no arrow. A path through a re-export
//! leads to the file that defines the item. Methods are not followed: a call names no file.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, Path};

use crate::modules::{ModuleTree, Resolved, imported_names, is_reexport};
use crate::syntax;

/// The arrows of one module tree.
#[derive(Debug, Default)]
pub(crate) struct FileArrows {
    /// From a file to a file, by their indices, with the first path that is found to be one.
    arrows: BTreeMap<(usize, usize), String>,
}

impl FileArrows {
    /// Finds all arrows of `tree`.
    pub(crate) fn of(tree: &ModuleTree) -> Self {
        let mut arrows = Self::default();
        for (index, module) in tree.modules.iter().enumerate() {
            let mut finder = ArrowFinder { tree, module: index, depth: 0, arrows: &mut arrows };
            module.items.iter().for_each(|item| finder.visit_item(item));
        }
        arrows
    }

    /// Every arrow as the indices of its files and the path that makes it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        self.arrows.iter().map(|(&(from, to), path)| (from, to, path.as_str()))
    }

    /// The files that `file` names.
    pub(crate) fn from(&self, file: usize) -> impl Iterator<Item = usize> {
        self.arrows.range((file, 0)..=(file, usize::MAX)).map(|((_, to), _)| *to)
    }

    /// The path that makes the arrow between two files.
    pub(crate) fn path(&self, from: usize, to: usize) -> &str {
        self.arrows.get(&(from, to)).map_or("", String::as_str)
    }
}

/// Visits the items of one module.
struct ArrowFinder<'t> {
    tree: &'t ModuleTree,
    module: usize,
    /// Number of items that the visited one is inside of.
    depth: usize,
    arrows: &'t mut FileArrows,
}

impl ArrowFinder<'_> {
    fn note(&mut self, path: &[String]) {
        let from = self.tree.modules[self.module].file;
        if let Some(Resolved::Item(to)) = self.tree.resolve(self.module, path) {
            self.arrow(from, to, path);
        }
    }

    fn arrow(&mut self, from: usize, to: usize, path: &[String]) {
        if from != to {
            self.arrows.arrows.entry((from, to)).or_insert_with(|| path.join("::"));
        }
    }

    fn note_macro(&mut self, path: &[String]) {
        self.note(path);
        if let [name] = path
            && self.tree.resolve(self.module, path).is_none()
            && let Some(to) = self.tree.macro_file(name)
        {
            self.arrow(self.tree.modules[self.module].file, to, path);
        }
    }

    /// Notes every path among the tokens of a macro.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_mark = |at: usize, mark: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
        let is_separator = |at: usize| is_mark(at, ':') && is_mark(at + 1, ':');
        let mut at = 0;
        while at < tokens.len() {
            let is_start = !(at >= 1 && is_mark(at - 1, '.') || at >= 2 && is_separator(at - 2));
            match &tokens[at] {
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Ident(first) if is_start => {
                    let mut path = vec![first.to_string()];
                    while is_separator(at + 1)
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.note(&path);
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for ArrowFinder<'_> {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item(&mut self, item: &'ast Item) {
        if syntax::is_test_only(syntax::attributes(item)) {
            return;
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !syntax::is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        // A re-export makes an arrow where its name is used.
        if import.leading_colon.is_none() && !(self.depth == 1 && is_reexport(import)) {
            for import in imported_names(&import.tree) {
                self.note(&import.path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.note(&segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        if called.path.leading_colon.is_none() {
            self.note_macro(&segments(&called.path));
        }
        self.note_tokens(called.tokens.clone());
    }
}

fn segments(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::FileArrows;
    use crate::modules::ModuleTree;

    /// The arrows of a crate with these files, as `from to path`; the root is `lib`.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &str| {
            let found = files.iter().find(|(name, _)| path == format!("src/{name}.rs"));
            found.map(|(_, text)| (*text).to_owned())
        };
        let tree = ModuleTree::load("src/lib.rs", &read).expect("a tree of Rust files");
        let name = |file: usize| {
            let path = tree.files[file].strip_prefix("src/").and_then(|p| p.strip_suffix(".rs"));
            path.expect("a path of a fixture").to_owned()
        };
        let arrows = FileArrows::of(&tree);
        arrows
            .iter()
            .map(|(from, to, path)| format!("{} {} {path}", name(from), name(to)))
            .collect()
    }

    #[test]
    fn imports_and_inline_paths_are_arrows_to_the_defining_file() {
        let lib = "mod a; mod b; mod c; mod d;";
        let a = "use crate::b::B; fn f(b: &B) -> super::c::C<crate::d::D> { b.c() }";
        let files = [("lib", lib), ("a", a), ("b", "pub struct B;"), ("c", "pub struct C<T>(T);")];
        assert_eq!(
            arrows(&[&files[..], &[("d", "pub struct D;")]].concat()),
            ["a b crate::b::B", "a c super::c::C", "a d crate::d::D"]
        );
    }

    #[test]
    fn declaring_and_reexporting_a_child_is_no_arrow() {
        let lib = "mod a; pub use a::A; mod b;";
        let files = [
            ("lib", lib),
            ("a", "mod inner; pub(crate) use inner::A; pub(crate) use inner::*;"),
            ("a/inner", "pub struct A; pub struct Other;"),
            ("b", "use crate::A; use super::a::Other;"),
        ];
        assert_eq!(arrows(&files), ["b a/inner crate::A"]);
    }

    #[test]
    fn a_parent_that_uses_its_child_and_is_used_by_it_has_both_arrows() {
        let files = [
            ("lib", "mod a;"),
            ("a", "mod inner; pub(crate) use inner::Inner; struct Outer(Inner);"),
            ("a/inner", "use super::Outer; pub struct Inner(Box<Outer>);"),
        ];
        assert_eq!(arrows(&files), ["a a/inner Inner", "a/inner a super::Outer"]);
    }

    #[test]
    fn modules_that_are_imported_lead_to_the_items_named_through_them() {
        let files = [
            ("lib", "mod a; mod b; mod c;"),
            ("a", "use crate::b as other; fn f() { other::go(); other::C::new(); }"),
            ("b", "pub use crate::c::C; pub fn go() {}"),
            ("c", "pub struct C;"),
        ];
        assert_eq!(arrows(&files), ["a b other::go", "a c other::C::new"]);
    }

    #[test]
    fn paths_within_macros_and_macros_themselves_are_arrows() {
        let files = [
            ("lib", "#[macro_use] mod macros; mod a; mod b;"),
            ("macros", "macro_rules! twice { ($e:expr) => { $crate::b::go($e) } }"),
            ("a", "fn f(x: X) { twice!(1); assert!(matches!(x.go, crate::b::E::One)) }"),
            ("b", "pub fn go(_: u8) {} pub enum E { One }"),
        ];
        assert_eq!(
            arrows(&files),
            ["macros b crate::b::go", "a macros twice", "a b crate::b::E::One"]
        );
    }

    #[test]
    fn tests_and_other_crates_make_no_arrows() {
        let a = "use std::fmt; use bytes::Bytes; use ::b::B;
                 #[cfg(test)] mod tests { use crate::b::B; }
                 #[cfg(test)] fn check(_: crate::b::B) {}
                 #[cfg(test)] mod missing;
                 fn f(_: Bytes) -> fmt::Result { Ok(()) }";
        assert_eq!(arrows(&[("lib", "mod a; mod b;"), ("a", a), ("b", "pub struct B;")]), [""; 0]);
    }

    #[test]
    fn items_that_a_macro_defines_belong_to_the_file_of_its_call() {
        let files = [
            ("lib", "mod a; mod b;"),
            ("a", "use crate::b::SessionId;"),
            ("b", "ids! { SessionId }"),
        ];
        assert_eq!(arrows(&files), ["a b crate::b::SessionId"]);
    }
}
