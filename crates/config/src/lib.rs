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
//! | [`source`] | files, formats, and reading one whole |
//! | [`fault`] | what a configuration may be blamed for |
//! | [`env`](mod@env) | variables, other files, directories |
//! | [`place`] | where in a file something stands |
//! | `document` | a file as a tree in which everything knows its place |
//! | `reading`, `field`, `section` | asking the tree, and noting what is wrong with the answer |
//! | `schema` | the sections of the file and their keys |
//! | `names` | whether what is referred to exists |
//! | `missing` | features of Crossbar.io that this version does not have |
//! | `precedence` | permissions that don't mean what they seem to |
//! | `crossbar_rules` | permissions that mean something else to Crossbar.io |
//! | `older` | the form without `version` |
//! | `default` | the node without configuration |
//! | `spelling` | which word was probably meant |

mod crossbar_rules;
mod default;
mod document;
pub mod env;
pub mod fault;
mod field;
mod load_context;
pub mod location;
mod names;
mod precedence;
mod schema;
mod section;
pub mod settings;
pub mod source;
mod spelling;
mod unsupported;
mod v1;

pub use env::{Environment, ProcessEnvironment};
pub use fault::{ConfigFault, Faults, Warning};
pub use location::SourceLocation;
pub use schema::is_realm_name;
pub use settings::Settings;
pub use source::{FileFormat, Loaded, find, load, load_for, parse};
