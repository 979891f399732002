//! Containers: components in processes of their own.
//!
//! The program executes itself again for each container ([`supervisor`]); the new process reads the
//! same configuration and runs the components of its worker ([`process`]).

pub(crate) mod process;
pub(crate) mod supervisor;
