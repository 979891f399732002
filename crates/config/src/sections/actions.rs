//! The actions that a permission allows.

use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static ALLOW: SectionKeys =
    SectionKeys::closed("a permission's 'allow'", AllowedActions::KEYS);

options! {
    /// The actions that a permission allows.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AllowedActions {
        /// Calling procedures.
        call: bool = false, Section::flag;
        /// Registering procedures.
        register: bool = false, Section::flag;
        /// Publishing to topics.
        publish: bool = false, Section::flag;
        /// Subscribing to topics.
        subscribe: bool = false, Section::flag;
    }
}

impl AllowedActions {
    /// Every action.
    pub const ALL: Self = Self { call: true, register: true, publish: true, subscribe: true };

    /// The names of the allowed actions.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let flags = [self.call, self.register, self.publish, self.subscribe];
        let names = Self::KEYS.iter().zip(flags);
        names.filter_map(|(name, is_allowed)| is_allowed.then_some(*name)).collect()
    }
}

/// Reads the actions of a permission: the key `allow`, or in version 1 a key for each action.
pub(crate) fn allowed_actions(
    permission: &mut Section<'_>,
    allow_key: &'static str,
) -> AllowedActions {
    let flat = flat_actions(permission);
    let allow = permission.optional(allow_key);
    if let (Some(field), Some(_)) = (&allow, flat) {
        field.fault("'allow' beside the actions of the older form");
    }
    let allow = allow.and_then(|field| {
        let mut section = Section::of(&field, &ALLOW)?;
        let actions = AllowedActions::read(&mut section);
        section.finish();
        Some(actions)
    });
    allow.or(flat).unwrap_or_default()
}

/// The actions of a permission that has keys for them, as in version 1. Version 2 refuses such
/// keys.
fn flat_actions(permission: &mut Section<'_>) -> Option<AllowedActions> {
    let flags: Vec<(&str, Field<'_>)> = AllowedActions::KEYS
        .iter()
        .filter_map(|action| Some((*action, permission.optional(action)?)))
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
    let actions = AllowedActions::read(permission);
    let allowed = actions.names();
    let today: Vec<String> = flags
        .iter()
        .map(|(action, _)| format!("\"{action}\": {}", allowed.contains(action)))
        .collect();
    permission.warn(format!(
        "this permission is written in the older form; today it has \"allow\": {{{}}}",
        today.join(", ")
    ));
    Some(actions)
}
