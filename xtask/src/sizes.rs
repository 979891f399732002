//! `cargo xtask sizes`: functions and files that are too long, tests included.
//!
//! A function has the lines from its signature to its last brace. Python files count as well, their
//! functions do not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, Macro, TraitItemFn};

use crate::rules::sizes::{LONG_CODE, LongCode, MAX_FILE_LINES, MAX_FUNCTION_LINES};
use crate::{sources, syntax};

/// A function or a file with more lines than are allowed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TooLong {
    file: String,
    /// The name of a function and the line that it begins in; none of a file.
    function: Option<(String, usize)>,
    lines: usize,
}

/// Code that is too long and not in the table, and entries of the table that are not needed.
///
/// # Errors
/// A file can't be read or is not Rust.
pub(crate) fn faults() -> Result<Vec<String>, String> {
    let files = sources::texts(&["."], &[".rs", ".py"])?;
    Ok(faults_by(&too_long(&files)?, LONG_CODE))
}

/// The table that the present tree needs, as Rust. New entries have no reason yet.
///
/// # Errors
/// A file can't be read or is not Rust.
pub(crate) fn table() -> Result<String, String> {
    let files = sources::texts(&["."], &[".rs", ".py"])?;
    let mut text = String::from("pub(crate) const LONG_CODE: &[LongCode] = &[\n");
    for TooLong { file, function, .. } in too_long(&files)? {
        let function = function.as_ref().map(|(name, _)| name.as_str());
        let known = LONG_CODE.iter().find(|code| code.file == file && code.function == function);
        let reason = known.map_or("", |code| code.reason);
        let _ = writeln!(
            text,
            "    LongCode {{ file: {file:?}, function: {function:?}, reason: {reason:?} }},"
        );
    }
    Ok(text + "];\n")
}

fn faults_by(found: &[TooLong], table: &[LongCode]) -> Vec<String> {
    let is_of = |entry: &LongCode, long: &TooLong| {
        let function = long.function.as_ref().map(|(name, _)| name.as_str());
        entry.file == long.file && entry.function == function
    };
    let unlisted = found.iter().filter(|long| !table.iter().any(|entry| is_of(entry, long)));
    let mut faults: Vec<String> = unlisted.map(TooLong::fault).collect();
    let unreasoned = table.iter().filter(|entry| entry.reason.is_empty());
    faults.extend(unreasoned.map(|LongCode { file, function, .. }| {
        let function = function.unwrap_or("the file");
        format!("{file}: {function} is listed without a reason")
    }));
    let stale = table.iter().filter(|entry| !found.iter().any(|long| is_of(entry, long)));
    faults.extend(stale.map(|LongCode { file, function, .. }| match function {
        Some(function) => format!("{file}: {function} is not too long: remove its entry"),
        None => format!("{file} is not too long: remove its entry"),
    }));
    faults
}

impl TooLong {
    fn fault(&self) -> String {
        let Self { file, function, lines } = self;
        match function {
            Some((name, line)) => format!(
                "{file}:{line}: {name} has {lines} lines; a function has at most \
                 {MAX_FUNCTION_LINES}"
            ),
            None => format!("{file} has {lines} lines; a file has at most {MAX_FILE_LINES}"),
        }
    }
}

fn too_long(files: &[(String, String)]) -> Result<Vec<TooLong>, String> {
    let mut found = BTreeSet::new();
    for (path, text) in files {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            found.insert(TooLong { file: path.clone(), function: None, lines });
        }
        if path.ends_with(".rs") {
            let mut functions = Functions { found: Vec::new() };
            functions.visit_file(&syntax::parse(path, text)?);
            let long = functions.found.into_iter().filter(|(_, _, l)| *l > MAX_FUNCTION_LINES);
            found.extend(long.map(|(name, line, lines)| TooLong {
                file: path.clone(),
                function: Some((name, line)),
                lines,
            }));
        }
    }
    Ok(found.into_iter().collect())
}

/// Each function with the line that it begins in and the number of its lines.
struct Functions {
    found: Vec<(String, usize, usize)>,
}

impl Functions {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (first, last) = (signature.span().start().line, body.span().end().line);
        self.found.push((signature.ident.to_string(), first, last + 1 - first));
    }

    /// Notes the functions among the tokens of a macro, such as `proptest!`.
    fn note_tokens(&mut self, tokens: TokenStream) {
        // The function whose body is still to come.
        let mut open: Option<(String, usize)> = None;
        let mut is_after_fn = false;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if is_after_fn => {
                    open = Some((name.to_string(), name.span().start().line));
                    is_after_fn = false;
                }
                TokenTree::Ident(word) => is_after_fn = word == "fn",
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Brace
                        && let Some((name, first)) = open.take()
                    {
                        let last = group.span_close().end().line;
                        self.found.push((name, first, last + 1 - first));
                    }
                    self.note_tokens(group.stream());
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.note_tokens(called.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{faults_by, too_long};
    use crate::rules::sizes::LongCode;

    const NONE: [&str; 0] = [];

    fn faults(path: &str, text: &str, table: &[LongCode]) -> Vec<String> {
        let files = [(path.to_owned(), text.to_owned())];
        faults_by(&too_long(&files).expect("Rust"), table)
    }

    /// A function of so many lines.
    fn function(lines: usize) -> String {
        format!(
            "/// A comment\n/// before it.\n#[inline]\nfn long() {{\n{}}}\n",
            ";\n".repeat(lines - 2)
        )
    }

    #[test]
    fn a_function_of_more_than_80_lines_is_a_fault() {
        assert_eq!(faults("a.rs", &function(80), &[]), NONE);
        let fault = "has 81 lines; a function has at most 80";
        assert_eq!(faults("a.rs", &function(81), &[]), [format!("a.rs:4: long {fault}")]);
        let method = format!("impl S {{\n{}}}", function(81));
        assert_eq!(faults("a.rs", &method, &[]), [format!("a.rs:5: long {fault}")]);
        let default = format!("trait T {{\n{}}}", function(81));
        assert_eq!(faults("a.rs", &default, &[]), [format!("a.rs:5: long {fault}")]);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}", function(81));
        assert_eq!(faults("a.rs", &test, &[]), [format!("a.rs:6: long {fault}")]);
        let in_macro = format!("proptest! {{\n{}}}", function(81));
        assert_eq!(faults("a.rs", &in_macro, &[]), [format!("a.rs:5: long {fault}")]);
    }

    #[test]
    fn a_file_of_more_than_600_lines_is_a_fault() {
        for path in ["a.rs", "tests/a.py"] {
            assert_eq!(faults(path, &"\n".repeat(600), &[]), NONE);
            assert_eq!(
                faults(path, &"\n".repeat(601), &[]),
                [format!("{path} has 601 lines; a file has at most 600")]
            );
        }
    }

    #[test]
    fn what_the_table_lists_may_be_longer() {
        let reason = "a test of the table";
        let function_entry = LongCode { file: "a.rs", function: Some("long"), reason };
        assert_eq!(faults("a.rs", &function(81), &[function_entry]), NONE);
        let file_entry = LongCode { file: "a.rs", function: None, reason };
        assert_eq!(faults("a.rs", &"\n".repeat(601), &[file_entry]), NONE);
    }

    #[test]
    fn an_entry_needs_a_reason() {
        let entry = LongCode { file: "a.rs", function: Some("long"), reason: "" };
        assert_eq!(
            faults("a.rs", &function(81), &[entry]),
            ["a.rs: long is listed without a reason"]
        );
    }

    #[test]
    fn an_entry_that_is_not_needed_is_a_fault() {
        let entry = |function| LongCode { file: "a.rs", function, reason: "a test" };
        assert_eq!(
            faults("a.rs", &function(80), &[entry(Some("long")), entry(None)]),
            [
                "a.rs: long is not too long: remove its entry",
                "a.rs is not too long: remove its entry",
            ]
        );
    }
}
