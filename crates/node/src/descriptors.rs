//! How many connections the operating system lets the process have: as many as it may allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one. Shells start programs with 1,024, which is
/// 1,000 connections; nothing here uses `select`, for whose sake that is so.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(limit = maximum, "limit of open files raised"),
        Err(error) => {
            tracing::warn!(limit = current, reason = %error, "limit of open files not raised")
        }
    }
}
