//! The older form of configurations: files without `version`, or with version 1.
//!
//! It is accepted, and each thing that is written differently today gives a warning that says
//! how.

use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::section::Section;
use crate::settings::AllowedActions;

/// The current version of the format.
const VERSION: u64 = 2;

/// Notes the form of the file that its version tells.
pub(crate) fn read_version(root: &mut Section<'_>) {
    let Some(field) = root.optional("version") else {
        root.context().set_format_version(FormatVersion::V1);
        return root.warn(
            "the file has no 'version' and is read as the older form; today it begins with \
             \"version\": 2",
        );
    };
    match field.number(&(1..=VERSION)) {
        Some(VERSION) | None => {}
        Some(_) => {
            root.context().set_format_version(FormatVersion::V1);
            field.warn("version 1 is the older form; today a file has \"version\": 2");
        }
    }
}

/// The actions of a permission.
const ACTIONS: [&str; 4] = ["call", "register", "publish", "subscribe"];

/// What a permission allows by keys of its own instead of by `allow`, if it has such keys.
/// In the current form they are refused.
pub(crate) fn flat_permission(permission: &mut Section<'_>) -> Option<AllowedActions> {
    let flags: Vec<(&str, Field<'_>)> = ACTIONS
        .into_iter()
        .filter_map(|action| Some((action, permission.optional(action)?)))
        .collect();
    if flags.is_empty() {
        return None;
    }
    if permission.context().format_version() == FormatVersion::V2 {
        for (action, field) in flags {
            field.fault(format!(
                "'{action}' of a permission is written inside of 'allow' since version 2"
            ));
        }
        return None;
    }
    let mut allow = AllowedActions::default();
    let mut today = Vec::new();
    for (action, field) in flags {
        let flag = field.flag().unwrap_or(false);
        *match action {
            "call" => &mut allow.call,
            "register" => &mut allow.register,
            "publish" => &mut allow.publish,
            _ => &mut allow.subscribe,
        } = flag;
        today.push(format!("\"{action}\": {flag}"));
    }
    permission.warn(format!(
        "this permission is written in the older form; today it has \"allow\": {{{}}}",
        today.join(", ")
    ));
    Some(allow)
}
