//! The configurations of Crossbar.io's public examples. A table says for each whether a node starts
//! from it, or which features are missing.
//!
//! `tests/data/crossbar-examples/README.md` names the origin of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use cloverleaf_config::{ConfigFault, Environment, FileFormat, ProcessEnvironment, parse};
use serde_json::{Map, Value, json};

use crate::router::CLOVERLEAF;
use crate::support::{NodeProcess, TempDirectory, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/crossbar-examples");

/// The entry in the table of a configuration from which a node starts.
const STARTS: &str = "starts";

/// Number of parts into which the configurations are divided. One test runs each part.
const PARTS: usize = 4;

/// A configuration of the examples.
#[derive(Debug)]
struct ExampleConfig {
    /// The names of the files with this text.
    files: Vec<String>,
    format: FileFormat,
    text: String,
}

/// All configurations, in the order of the file.
fn examples() -> Vec<ExampleConfig> {
    let path = Path::new(FOLDER).join("configurations.jsonl");
    let lines = std::fs::read_to_string(path).expect("the configurations");
    lines.lines().map(example).collect()
}

fn example(line: &str) -> ExampleConfig {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let files = value["files"].as_array().expect("files").iter();
    let files = files.map(|file| file.as_str().expect("a name").to_owned()).collect();
    match value["yaml"].as_str() {
        Some(text) => ExampleConfig { files, format: FileFormat::Yaml, text: text.to_owned() },
        None => ExampleConfig { files, format: FileFormat::Json, text: value["json"].to_string() },
    }
}

/// A program without components on a system where every socket path is usable.
struct ExampleEnvironment;

impl Environment for ExampleEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        ProcessEnvironment.variable(name)
    }

    fn read_file(&self, _: &Path, _: u64) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_directory(&self, _: &Path) -> bool {
        true
    }

    fn component_classes(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

/// The expected entry of a configuration in the table.
fn row(example: &ExampleConfig) -> String {
    let read =
        parse(&example.text, example.format, "config", Path::new("/node"), &ExampleEnvironment);
    let Err(faults) = read else { return STARTS.to_owned() };
    assert_eq!(faults.omitted, 0, "{:?}", example.files);
    let name = |fault: &ConfigFault| match fault.unsupported_feature {
        Some(missing) => missing.to_owned(),
        None => format!("invalid at {}", fault.location.path),
    };
    let names: BTreeSet<String> = faults.faults.iter().map(name).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn table_path() -> PathBuf {
    Path::new(FOLDER).join("table.txt")
}

/// The stored table: the entry of each file.
fn table() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(table_path()).unwrap_or_default();
    let row = |line: &str| {
        let (file, row) = line.split_once(": ").expect("a file and its entry");
        (file.to_owned(), row.to_owned())
    };
    text.lines().map(row).collect()
}

#[test]
fn table_says_for_each_example_whether_it_starts_or_what_is_missing() {
    let mut found = BTreeMap::new();
    for example in examples() {
        let row = row(&example);
        found.extend(example.files.iter().map(|file| (file.clone(), row.clone())));
    }
    assert_eq!(found.len(), 236);
    if std::env::var_os("CLOVERLEAF_UPDATE_TABLES").is_some() {
        let rows: String = found.iter().map(|(file, row)| format!("{file}: {row}\n")).collect();
        std::fs::write(table_path(), rows).expect("a table");
        return;
    }
    let kept = table();
    let changed: Vec<String> = found
        .iter()
        .filter(|(file, row)| kept.get(*file) != Some(row))
        .map(|(file, row)| {
            let before = kept.get(file).map_or("nothing", String::as_str);
            let verdict = if row == STARTS { "better" } else { "worse or different" };
            format!("{file} is {verdict}: now '{row}', and the table has '{before}'")
        })
        .collect();
    assert!(
        changed.is_empty() && kept.len() == found.len(),
        "{changed:#?}\nIf these rows are as they should be, run the test again with \
         CLOVERLEAF_UPDATE_TABLES=1"
    );
}

/// Short names of missing features, and the words that README.md uses for them.
const WORDS: [(&str, &str); 20] = [
    ("auth:anonymous-proxy", "proxy workers"),
    ("auth:cookie", "cookies"),
    ("auth:cryptosign", "Cryptosign"),
    ("auth:cryptosign-proxy", "proxy workers"),
    ("auth:dynamic", "dynamic authenticators"),
    ("auth:scram", "SCRAM"),
    ("auth:ticket", "tickets"),
    ("auth:tls", "TLS certificates"),
    ("auth:wampcra", "WAMP-CRA"),
    ("authorizer", "dynamic authorizers"),
    ("function-component", "as functions"),
    ("guest", "guests"),
    ("inventory", "WAMP inventory"),
    ("mqtt", "MQTT"),
    ("proxy", "proxy workers"),
    ("python-class", "components in Python"),
    ("realm-of-a-worker", "one name in several workers"),
    ("rlinks", "`rlinks`"),
    ("tls", "TLS (`tls`"),
    ("xbr", "XBR"),
];

#[test]
fn readme_names_every_missing_feature_and_how_many_examples_start() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).expect("README.md");
    let (_, rest) = readme.split_once("\n## Not supported yet\n").expect("the section");
    let (not_yet, _) = rest.split_once("\n## ").expect("another section behind it");
    let table = table();
    let starting = table.values().filter(|row| *row == STARTS).count();
    let sentence = format!(
        "Of the {} configurations of Crossbar.io's public examples, {starting} start",
        table.len()
    );
    assert!(not_yet.contains(&sentence), "'{sentence}' is missing in: {not_yet}");
    let missing = table.values().flat_map(|row| row.split(", "));
    let missing = missing.filter(|name| *name != STARTS && !name.starts_with("invalid at"));
    for name in missing.collect::<BTreeSet<_>>() {
        let web = name.strip_prefix("web:").map(|service| format!("`{service}`"));
        let words = WORDS.iter().find(|(short, _)| *short == name);
        let words = words.map(|(_, words)| (*words).to_owned()).or(web).expect(name);
        assert!(not_yet.contains(&words), "'{words}' for {name} is missing in: {not_yet}");
    }
}

/// The configuration with other addresses: any free port, and sockets in its own directory.
fn with_own_addresses(example: &ExampleConfig) -> String {
    if example.format == FileFormat::Yaml {
        // The only YAML file uses TCP alone.
        return example.text.replace("port: 9000", "port: 0\n                interface: 127.0.0.1");
    }
    let mut value: Value = serde_json::from_str(&example.text).expect("JSON");
    let mut count = 0;
    for worker in value["workers"].as_array_mut().into_iter().flatten() {
        let listed = worker.get_mut("transports").and_then(Value::as_array_mut);
        let listed = listed.into_iter().flatten();
        listed.for_each(|transport| use_own_address(transport, &mut count));
        // The transport of a testee.
        let single = worker.get_mut("transport").into_iter();
        single.for_each(|transport| use_own_address(transport, &mut count));
    }
    value.to_string()
}

fn use_own_address(transport: &mut Value, count: &mut usize) {
    let Some(endpoint) = transport.get_mut("endpoint").and_then(Value::as_object_mut) else {
        return;
    };
    if endpoint.get("type") == Some(&json!("unix")) {
        *count += 1;
        endpoint.insert("path".to_owned(), json!(format!("{count}.sock")));
    } else {
        use_any_port(endpoint);
    }
}

fn use_any_port(endpoint: &mut Map<String, Value>) {
    endpoint.remove("portrange");
    endpoint.remove("version");
    endpoint.insert("port".to_owned(), json!(0));
    endpoint.insert("interface".to_owned(), json!("127.0.0.1"));
}

/// Starts a node from each accepted configuration of a part. Asserts that the others fail.
fn start_part(part: usize) {
    for example in examples().iter().skip(part).step_by(PARTS) {
        let directory = TempDirectory::new();
        let file = match example.format {
            FileFormat::Json => "config.json",
            FileFormat::Yaml => "config.yaml",
        };
        directory.write(file, &with_own_addresses(example));
        let check = run(CLOVERLEAF, &directory, &["check", "--config", file]);
        let is_good = row(example) == STARTS;
        assert_eq!(check.code, Some(i32::from(!is_good)), "{:?}: {check:?}", example.files);
        let args = ["start", "--config", file, "--logformat", "none"];
        if is_good {
            let mut node = NodeProcess::launch(CLOVERLEAF, directory, &args).ready();
            assert_eq!(node.stop("TERM"), Some(0), "{:?}: {node:?}", example.files);
        } else {
            let start = run(CLOVERLEAF, &directory, &args);
            assert_eq!(start.code, Some(1), "{:?}: {start:?}", example.files);
            assert!(start.stderr.ends_with(&check.stderr), "check and start say the same");
        }
    }
}

#[test]
fn node_starts_only_from_configurations_that_check_accepts_part_1() {
    start_part(0);
}

#[test]
fn node_starts_only_from_configurations_that_check_accepts_part_2() {
    start_part(1);
}

#[test]
fn node_starts_only_from_configurations_that_check_accepts_part_3() {
    start_part(2);
}

#[test]
fn node_starts_only_from_configurations_that_check_accepts_part_4() {
    start_part(3);
}
