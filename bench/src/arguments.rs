//! The command line of a yardstick: options with one value each. Not a general parser.

use std::env;
use std::io;

/// Returns the values of the options `names` of this program's command line, in that order.
///
/// # Errors
/// `InvalidInput`, with a usage line, if an option is missing, unknown or has no value.
pub fn from_command_line<const N: usize>(names: [&str; N]) -> io::Result<[String; N]> {
    parse(names, env::args().skip(1)).ok_or_else(|| usage(names))
}

fn parse<const N: usize>(
    names: [&str; N],
    mut words: impl Iterator<Item = String>,
) -> Option<[String; N]> {
    let mut values = [const { String::new() }; N];
    while let Some(word) = words.next() {
        let place = names.iter().position(|name| *name == word)?;
        values[place] = words.next()?;
    }
    values.iter().all(|value| !value.is_empty()).then_some(values)
}

fn usage<const N: usize>(names: [&str; N]) -> io::Error {
    let options = names.map(|name| format!("{name} VALUE")).join(" ");
    io::Error::new(io::ErrorKind::InvalidInput, format!("usage: {options}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn parsed(line: &str) -> Option<[String; 2]> {
        parse(["--listen", "--socket"], line.split_whitespace().map(String::from))
    }

    #[test]
    fn options_come_in_any_order() {
        let expected = Some(["127.0.0.1:1".to_owned(), "a.sock".to_owned()]);
        assert_eq!(parsed("--listen 127.0.0.1:1 --socket a.sock"), expected);
        assert_eq!(parsed("--socket a.sock --listen 127.0.0.1:1"), expected);
    }

    #[test]
    fn missing_unknown_and_valueless_options_are_refused() {
        for line in ["", "--listen x", "--listen x --socket", "--listen x --port 1 --socket y"] {
            assert_eq!(parsed(line), None, "{line}");
        }
    }
}
