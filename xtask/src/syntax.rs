//! Rust source as syntax trees, and what the checks ask of an item.
//!
//! Not for what names mean: that is [`crate::modules`].

use syn::{Attribute, Item, Meta};

/// Parses the text of one Rust file.
///
/// # Errors
/// The path and the line of what is not Rust.
pub(crate) fn parse(path: &str, text: &str) -> Result<syn::File, String> {
    syn::parse_file(text).map_err(|error| format!("{path}:{}: {error}", error.span().start().line))
}

/// Whether an item with these attributes exists in tests only: `#[cfg(test)]`,
/// `#[cfg(all(test, …))]` or `#[test]`.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

/// Whether the file of a module is named by a `#[path]` attribute.
pub(crate) fn has_path_attribute(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("path"))
}

/// The attributes of an item; none of an item that syn does not know.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name of a type that an item defines: a struct, enum, union, trait or type alias.
pub(crate) fn type_name(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Enum(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

/// The name that an item defines in its module; none of modules and imports.
pub(crate) fn defined_name(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        _ => type_name(item),
    }
}

#[cfg(test)]
mod tests {
    use super::{attributes, is_test_only, parse};

    #[test]
    fn test_only_items_are_those_that_no_program_contains() {
        let is_test_only = |attribute: &str| {
            let file = parse("a.rs", &format!("{attribute} fn f() {{}}")).expect("Rust");
            is_test_only(attributes(&file.items[0]))
        };
        for attribute in ["#[test]", "#[cfg(test)]", "#[cfg(all(test, unix))]"] {
            assert!(is_test_only(attribute), "{attribute}");
        }
        for attribute in ["", "#[cfg(not(test))]", "#[cfg(any(test, unix))]", "#[inline]"] {
            assert!(!is_test_only(attribute), "{attribute}");
        }
    }

    #[test]
    fn a_file_that_is_not_rust_is_named_with_its_line() {
        let error = parse("a.rs", "fn f() {}\nfn {}\n").err().expect("no Rust");
        assert!(error.starts_with("a.rs:2: "), "{error}");
    }
}
