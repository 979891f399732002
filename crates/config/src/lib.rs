//! The configuration of a node: from a file in Crossbar.io's format to [`Settings`], whose
//! existence means that they are valid.
//!
//! A file that is not valid gives [`Faults`]: all of them at once, each with its place in the
//! file, what was found, what was expected and, for near misses, what was probably meant.
//! This crate starts nothing and listens on nothing, and all that it sees of the machine it sees
//! through an [`Environment`].
//!
//! | room | what it is for |
//! |---|---|
//! | [`settings`] | what a node is to do, as plain types |

pub mod place;
pub mod settings;

pub use place::Place;
pub use settings::Settings;
