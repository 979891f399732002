//! Plain scalars that YAML 1.1 reads differently from YAML 1.2.
//!
//! Crossbar.io reads its files as YAML 1.1 (PyYAML), in which `yes` is true, `10_000` is a number
//! and `010` is 8. See "Language-Independent Types for YAML 1.1": `bool` and `int`.

use super::Value;

/// What YAML 1.1 makes of a plain scalar; none where YAML 1.2 makes the same of it.
pub(super) fn value(text: &str) -> Option<Value> {
    flag(text).map(Value::Bool).or_else(|| integer(text).map(|number| Value::Number(number.into())))
}

/// A flag in a form that YAML 1.2 has given up. PyYAML takes no single letters.
fn flag(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A whole number in a form that YAML 1.2 has given up: with underscores, in base 2, in base 8
/// without `o`, or in base 60 with colons.
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

/// A number of digits in base 10 or, behind `0x`, in base 16.
fn underscored(digits: &str) -> Option<i64> {
    match digits.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None if digits == "0" || !digits.starts_with('0') => digits.parse().ok(),
        None => None,
    }
}

/// A number whose places after the first are below 60: `1:30` is 90.
fn base_60(text: &str) -> Option<i64> {
    let mut places = text.split(':');
    let first = places.next().filter(|first| !first.starts_with('0'))?;
    let mut number: i64 = first.parse().ok()?;
    for location in places {
        let digits =
            (1..=2).contains(&location.len()) && location.bytes().all(|b| b.is_ascii_digit());
        let location = location.parse::<i64>().ok().filter(|location| digits && *location < 60)?;
        number = number.checked_mul(60)?.checked_add(location)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::{Value, value};

    #[test]
    fn flags_and_numbers_of_yaml_1_1_have_their_value() {
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
    fn what_both_versions_read_alike_has_no_other_value() {
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
