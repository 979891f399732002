//! Lines that no formatter breaks: comments everywhere, and all of Python and of the Makefile.
//!
//! Not for Rust's code, which rustfmt breaks where it can.

/// The longest line, in characters; the same as rustfmt's for code.
const MAX_COLUMNS: usize = 100;

const ENDINGS: &[&str] = &[".rs", ".toml", ".py", ".js", ".mjs", ".lua", "Makefile", ".ci/run"];

/// The lines that are too long, as one sentence each.
///
/// # Errors
/// Says which files can't be read.
pub(crate) fn faults() -> Result<Vec<String>, String> {
    let files = crate::sources::texts(&["."], ENDINGS)?;
    Ok(files.iter().flat_map(|(path, text)| too_long(path, text)).collect())
}

fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| {
        line.chars().count() > MAX_COLUMNS && is_looked_at(path, line) && can_be_broken(line)
    });
    lines.map(|(at, _)| format!("{path}:{} has more than 100 columns", at + 1)).collect()
}

fn is_looked_at(path: &str, line: &str) -> bool {
    let line = line.trim_start();
    match path.rsplit_once('.').map_or(path, |(_, ending)| ending) {
        "rs" | "js" | "mjs" => line.starts_with("//"),
        "lua" => line.starts_with("--"),
        "toml" | "ci/run" => line.starts_with('#'),
        _ => true,
    }
}

/// Whether there is more in the line than the mark of a comment and one word, such as an address.
fn can_be_broken(line: &str) -> bool {
    line.split_whitespace().nth(2).is_some()
}

#[cfg(test)]
mod tests {
    use super::too_long;

    #[test]
    fn a_comment_is_broken_and_code_is_somebody_elses() {
        let words = "word ".repeat(21);
        for line in [format!("    /// {words}"), format!("//! {words}")] {
            let text = format!("short\n{line}\n");
            assert_eq!(too_long("a.rs", &text), ["a.rs:2 has more than 100 columns"]);
        }
        assert_eq!(too_long("a.rs", &format!("let text = \"{words}\";")), Vec::<String>::new());
        assert_eq!(too_long("Cargo.toml", &format!("a = \"{words}\"")), Vec::<String>::new());
        assert_eq!(too_long("Cargo.toml", &format!("# {words}")).len(), 1);
    }

    #[test]
    fn python_and_the_makefile_have_no_other_formatter() {
        let line = format!("a = {}", "b + ".repeat(30));
        assert_eq!(too_long("tests/a.py", &line).len(), 1);
        assert_eq!(too_long("Makefile", &line).len(), 1);
    }

    #[test]
    fn what_can_not_be_broken_stays_and_a_column_is_a_character() {
        let address = format!("// https://example.com/{}", "a".repeat(100));
        assert_eq!(too_long("a.rs", &address), Vec::<String>::new());
        let arrows = format!("// {} a b", "─".repeat(93));
        assert_eq!(too_long("a.rs", &arrows), Vec::<String>::new());
    }
}
