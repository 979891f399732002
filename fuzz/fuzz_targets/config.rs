//! Any text is either a configuration or gives faults that can be shown, each at a place in it.
#![no_main]

use std::io;
use std::path::Path;

use cloverleaf_config::{Environment, FileFormat, SourceLocation, parse};
use libfuzzer_sys::fuzz_target;

/// A machine with one variable, one file and no directories.
struct Small;

impl Environment for Small {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "A").then(|| "8080".to_owned())
    }

    fn read_file(&self, path: &Path, _: u64) -> io::Result<String> {
        if path.ends_with("a") {
            Ok("text\n".to_owned())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn is_directory(&self, _: &Path) -> bool {
        false
    }
}

fn assert_in(text: &str, location: &SourceLocation) {
    // A line of YAML also ends with a carriage return, and the end may be a line of its own.
    let lines = text.split(['\n', '\r']).count() + 1;
    assert!((1..=lines).contains(&(location.line as usize)), "{location} of {lines} lines");
    // The YAML parser counts what it passes over in bytes now and then.
    assert!((1..=text.len() + 1).contains(&(location.column as usize)), "{location}");
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let format = if first.is_multiple_of(2) { FileFormat::Json } else { FileFormat::Yaml };
    match parse(text, format, "config", Path::new("/node"), &Small) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| assert_in(text, &warning.location));
            if format == FileFormat::Json {
                let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
                serde_json::from_str::<serde_json::Value>(plain).expect("a configuration is JSON");
            }
        }
        Err(faults) => {
            assert!(!faults.faults.is_empty());
            faults.faults.iter().for_each(|fault| assert_in(text, &fault.location));
            let shown = faults.to_string();
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        }
    }
});
