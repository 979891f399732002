//! Names of realms.

/// Whether a realm may have this name: as with Crossbar.io, 3 to 255 of `A-Z`, `a-z`, `0-9`, `_`,
/// `-`, `@` and `.`, a letter first; or `0x` and 40 hexadecimal digits.
pub fn is_realm_name(name: &str) -> bool {
    let letter_first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '@' | '.');
    let plain = (3..=255).contains(&name.len()) && letter_first && name.chars().all(allowed);
    let address = name.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 40 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    plain || address
}
