//! The URI patterns of permissions.
//!
//! Crossbar.io accepts patterns that match nothing, and treats empty components as wildcards
//! whatever `match` says. Such patterns are accepted with a warning.

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use crate::field::Field;
use crate::section::Section;

/// The pattern of a permission as the file has it.
pub(crate) struct WrittenPattern {
    /// The text of the pattern, without the stars that stand for its policy.
    pub(crate) uri: String,
    /// The policy that the file names, or that the stars stand for.
    pub(crate) policy: MatchPolicy,
    /// The pattern; none if it matches no URI.
    pub(crate) pattern: Option<UriPattern>,
}

/// Reads the URI and the match policy of a permission.
pub(crate) fn pattern(
    permission: &mut Section<'_>,
    uri: &'static str,
    policy_key: &'static str,
) -> Option<WrittenPattern> {
    let uri = permission.required(uri);
    let policy = permission.optional(policy_key).map(|field| policy(&field));
    let field = uri?;
    let text = field.text()?;
    let (uri, policy) = match policy {
        Some(policy) => {
            if text.contains('*') {
                field.warn("with 'match', a '*' in 'uri' stands for itself");
            }
            (text, policy?)
        }
        None => without_stars(&field, text),
    };
    let pattern = match UriPattern::new(uri.as_str(), policy, UriRule::Loose) {
        Ok(pattern) => Some(pattern),
        Err(fault) => match UriPattern::new(uri.as_str(), MatchPolicy::Wildcard, UriRule::Loose) {
            Ok(wildcard) => with_empty_components(&field, &uri, wildcard),
            Err(_) => return field.report(fault.to_string(), None, None),
        },
    };
    Some(WrittenPattern { uri, policy, pattern })
}

fn policy(field: &Field<'_>) -> Option<MatchPolicy> {
    let policies = MatchPolicy::ALL.map(|policy| (policy.name(), policy));
    field.choice("match policy", &policies, &[])
}

/// The URI and policy that a text with stars stands for: without a star exact, with one star at the
/// very end a prefix, else a wildcard.
fn without_stars(field: &Field<'_>, text: String) -> (String, MatchPolicy) {
    match text.strip_suffix('*') {
        None if !text.contains('*') => (text, MatchPolicy::Exact),
        Some(prefix) if !prefix.contains('*') => (prefix.to_owned(), MatchPolicy::Prefix),
        _ => {
            let uri = text.replace('*', "");
            if text.split('.').any(|part| part != "*" && part.contains('*')) {
                field.warn(format!(
                    "a '*' beside other characters of its component is dropped, as Crossbar.io \
                     does it: this is the wildcard '{uri}'"
                ));
            }
            (uri, MatchPolicy::Wildcard)
        }
    }
}

/// The pattern of a text with empty components, which its policy does not allow.
fn with_empty_components(field: &Field<'_>, uri: &str, wildcard: UriPattern) -> Option<UriPattern> {
    if uri.contains("..") {
        field.warn(
            "an empty component stands for any one, as Crossbar.io takes it; write \
             \"match\": \"wildcard\"",
        );
        return Some(wildcard);
    }
    let meant = match uri.starts_with('.') {
        true => "a wildcard needs \"match\": \"wildcard\"",
        false if uri.is_empty() => "for every URI write \"match\": \"prefix\"",
        false => "for every URI that begins so write \"match\": \"prefix\"",
    };
    field.warn(format!("this permission has no effect, since '{uri}' matches no URI; {meant}"));
    None
}
