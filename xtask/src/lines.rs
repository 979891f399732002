//! `cargo xtask lines`: the lengths of lines that no formatter breaks. These are comments in all
//! languages, and all lines of Python files and of the Makefile.
//!
//! Not for Rust code: rustfmt breaks its lines, except those with long strings.

/// Longest line in characters; rustfmt has the same limit for code.
const MAX_COLUMNS: usize = 100;

const ENDINGS: &[&str] = &[".rs", ".toml", ".py", ".js", ".mjs", ".lua", "Makefile", ".ci/run"];

/// The lines that are too long, as one sentence each.
///
/// # Errors
/// A file can't be read.
pub(crate) fn faults() -> Result<Vec<String>, String> {
    let files = crate::sources::texts(&["."], ENDINGS)?;
    Ok(files.iter().flat_map(|(path, text)| too_long(path, text)).collect())
}

fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| {
        line.chars().count() > MAX_COLUMNS && is_checked(path, line) && can_be_broken(line)
    });
    lines.map(|(at, _)| format!("{path}:{} has more than 100 columns", at + 1)).collect()
}

fn is_checked(path: &str, line: &str) -> bool {
    let line = line.trim_start();
    match path.rsplit_once('.').map_or(path, |(_, ending)| ending) {
        "rs" | "js" | "mjs" => line.starts_with("//"),
        "lua" => line.starts_with("--"),
        "toml" | "ci/run" => line.starts_with('#'),
        _ => true,
    }
}

/// Whether the line has more than a comment mark and one word. A long URL can't be broken.
fn can_be_broken(line: &str) -> bool {
    line.split_whitespace().nth(2).is_some()
}

#[cfg(test)]
mod tests {
    use super::too_long;

    #[test]
    fn long_comments_are_faults_and_long_rust_code_is_not() {
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
    fn long_lines_of_python_and_of_the_makefile_are_faults() {
        let line = format!("a = {}", "b + ".repeat(30));
        assert_eq!(too_long("tests/a.py", &line).len(), 1);
        assert_eq!(too_long("Makefile", &line).len(), 1);
    }

    #[test]
    fn unbreakable_lines_are_allowed_and_columns_are_characters() {
        let address = format!("// https://example.com/{}", "a".repeat(100));
        assert_eq!(too_long("a.rs", &address), Vec::<String>::new());
        let arrows = format!("// {} a b", "─".repeat(93));
        assert_eq!(too_long("a.rs", &arrows), Vec::<String>::new());
    }
}
