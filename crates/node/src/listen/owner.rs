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
    match name.parse() {
        Ok(number) => Ok(number),
        Err(_) => match User::from_name(name)? {
            Some(user) => Ok(user.uid.as_raw()),
            None => Err(unknown("user", name)),
        },
    }
}

fn group_number(name: &str) -> io::Result<u32> {
    match name.parse() {
        Ok(number) => Ok(number),
        Err(_) => match Group::from_name(name)? {
            Some(group) => Ok(group.gid.as_raw()),
            None => Err(unknown("group", name)),
        },
    }
}

fn unknown(kind: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("this system has no {kind} '{name}'"))
}
