//! The owner of a socket's file: numbers of users and groups by name.

use std::io;

use cloverleaf_config::settings::FileOwner;
use nix::unistd::{Group, User};

/// The numbers of a user and a group, where one is named.
pub(crate) fn numbers(owner: Option<&FileOwner>) -> io::Result<(Option<u32>, Option<u32>)> {
    let Some(FileOwner { user, group }) = owner else { return Ok((None, None)) };
    let user_of = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    let group_of = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    let user = user.as_deref().map(|name| number("user", name, user_of)).transpose()?;
    let group = group.as_deref().map(|name| number("group", name, group_of)).transpose()?;
    Ok((user, group))
}

/// A text of digits as a number, or the number of the user or group with this name. The largest
/// number means "unchanged" to the system, so it is no owner.
fn number(
    kind: &str,
    text: &str,
    of_name: impl FnOnce(&str) -> io::Result<Option<u32>>,
) -> io::Result<u32> {
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number && number < u32::MAX => Ok(number),
        _ => of_name(text)?.ok_or_else(|| {
            let said = format!("this system has no {kind} '{text}'");
            io::Error::new(io::ErrorKind::NotFound, said)
        }),
    }
}
