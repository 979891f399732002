//! The tables that the checks hold the workspace against. Every exception stands with its reason.

pub(crate) mod files;
pub(crate) mod names;
pub(crate) mod packages;
pub(crate) mod sizes;
