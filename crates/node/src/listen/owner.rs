//! Who owns a socket's file: users and groups by name, as numbers.

use std::io;

use cloverleaf_config::settings::Owner;
use nix::unistd::{Group, User};

/// The numbers of a user and a group, where one is named.
pub(super) fn numbers(owner: Option<&Owner>) -> io::Result<(Option<u32>, Option<u32>)> {
    let Some(Owner { user, group }) = owner else { return Ok((None, None)) };
    let user = user.as_deref().map(user_number).transpose()?;
    Ok((user, group.as_deref().map(group_number).transpose()?))
}

fn user_number(name: &str) -> io::Result<u32> {
    match number(name) {
        Some(number) => Ok(number),
        None => match User::from_name(name)? {
            Some(user) => Ok(user.uid.as_raw()),
            None => Err(unknown("user", name)),
        },
    }
}

fn group_number(name: &str) -> io::Result<u32> {
    match number(name) {
        Some(number) => Ok(number),
        None => match Group::from_name(name)? {
            Some(group) => Ok(group.gid.as_raw()),
            None => Err(unknown("group", name)),
        },
    }
}

/// The number that a text of digits is. The largest one means "as it is" to the system.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number < u32::MAX)
}

fn unknown(kind: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("this system has no {kind} '{name}'"))
}
