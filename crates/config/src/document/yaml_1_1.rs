//! Plain scalars that YAML 1.1 reads differently from YAML 1.2.
//!
//! Crossbar.io reads its files as YAML 1.1 (PyYAML), in which `yes` is true, `10_000` is a number
//! and `010` is 8. See "Language-Independent Types for YAML 1.1": `bool` and `int`.

use super::Value;

/// The value of a plain scalar under YAML 1.1; none if YAML 1.2 has the same value.
pub(super) fn value(text: &str) -> Option<Value> {
    boolean(text)
        .map(Value::Bool)
        .or_else(|| integer(text).map(|number| Value::Number(number.into())))
}

/// A boolean in a form that YAML 1.2 dropped. PyYAML does not accept single letters.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// An integer in a form that YAML 1.2 dropped: with underscores, in base 2, in base 8 without `o`,
/// or in base 60 with colons.
fn integer(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = unsigned.replace('_', "");
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if digits.contains(':') {
        base_60(&digits)?
    } else if let Some(octal) = digits.strip_prefix('0').filter(|rest| is_octal(rest)) {
        i64::from_str_radix(octal, 8).ok()?
    } else if unsigned.contains('_') {
        underscored(&digits)?
    } else {
        return None;
    };
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

fn is_octal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

/// An integer in base 10 or, after `0x`, in base 16.
fn underscored(digits: &str) -> Option<i64> {
    match digits.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None if digits == "0" || !digits.starts_with('0') => digits.parse().ok(),
        None => None,
    }
}

/// An integer in base 60: `1:30` is 90. Each group after the first is below 60.
fn base_60(text: &str) -> Option<i64> {
    let mut groups = text.split(':');
    let first = groups.next().filter(|first| !first.starts_with('0'))?;
    let mut number: i64 = first.parse().ok()?;
    for group in groups {
        let digits = (1..=2).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit());
        let group = group.parse::<i64>().ok().filter(|group| digits && *group < 60)?;
        number = number.checked_mul(60)?.checked_add(group)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::{Value, value};

    #[test]
    fn booleans_and_integers_of_yaml_1_1_have_their_value() {
        for text in ["yes", "Yes", "YES", "on", "On", "ON"] {
            assert_eq!(value(text), Some(Value::Bool(true)), "{text}");
        }
        for text in ["no", "No", "NO", "off", "Off", "OFF"] {
            assert_eq!(value(text), Some(Value::Bool(false)), "{text}");
        }
        // Each pair was compared with PyYAML 6.
        for (text, number) in [
            ("10_000", 10_000),
            ("-1_0", -10),
            ("+1_0", 10),
            ("010", 8),
            ("0_10", 8),
            ("0b1_01", 5),
            ("0x1_F", 31),
            ("1:30", 90),
            ("190:20:30", 685_230),
            ("1_", 1),
        ] {
            assert_eq!(value(text), Some(Value::Number(number.into())), "{text}");
        }
    }

    #[test]
    fn scalars_with_the_same_value_in_both_versions_give_none() {
        let alike = [
            "",
            "y",
            "n",
            "true",
            "yEs",
            "0",
            "7",
            "-7",
            "8080",
            "0x1F",
            "08",
            "1.5",
            "1:60",
            "1:",
            "01:30",
            "_1",
            "1:2:3:x",
            "0b",
            "0b2",
            "10_000.5",
            "yes please",
            "12:345",
            "99999999999999999999999:10",
        ];
        for text in alike {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
