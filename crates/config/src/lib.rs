//! The configuration of a node: from a file in Crossbar.io's format to [`Settings`], whose
//! existence means that they are valid.
//!
//! A file that is not valid gives [`Faults`]: all of them at once, each with its location in the
//! file, what was found, what was expected and, for misspellings, a suggestion. This crate starts
//! nothing and listens on nothing. It accesses the machine only through an [`Environment`].
//!
//! | module | purpose |
//! |---|---|
//! | [`settings`] | the settings of a node, as plain types |
//! | [`source`] | finding and loading configuration files |
//! | [`fault`], [`location`] | faults, warnings and their positions |
//! | [`env`](mod@env) | the environment: variables, other files, checks |
//! | `default_node` | the settings of the node without configuration |
//! | `sections` | the sections of the file: structs, defaults, keys and readers |
//! | `options` | the macros that declare the keys of a section |
//! | `section`, `field` | typed access to the file; faults are recorded on the way |
//! | `load_context` | the state of loading: format version, faults, names |
//! | `document` | the file as a tree of values with line and column; JSON and YAML readers |
//! | `names`, `addresses` | references to realms and roles; names, ports and files used twice |
//! | `unsupported` | features of Crossbar.io that this version does not have |
//! | `precedence` | warnings about permissions that are overridden by others |
//! | `crossbar_rules` | warnings about permissions with another effect in Crossbar.io |
//! | `spelling` | suggestions for misspelt words |

mod addresses;
mod crossbar_rules;
mod default_node;
mod document;
pub mod env;
pub mod fault;
mod field;
mod load_context;
pub mod location;
mod names;
mod options;
mod precedence;
mod section;
mod sections;
pub mod settings;
pub mod source;
mod spelling;
mod unsupported;

pub use env::{Environment, ProcessEnvironment};
pub use fault::{ConfigFault, Faults, Warning};
pub use location::SourceLocation;
pub use settings::Settings;
pub use source::{FileFormat, Loaded, find, load, load_for, parse};
