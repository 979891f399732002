//! The command line: help, search of configurations, and checks of configurations.

use std::path::PathBuf;
use std::process::Command;

use crate::router::CLOVERLEAF;
use crate::support::{
    CallPair, JSON, NodeProcess, ProgramOutput, RawPeer as _, RawSocketPeer, TempDirectory, run,
};

/// A configuration with static files; the directory may be missing.
const GOOD: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [{"uri": "*"}]}]}],
  "transports": [{"type": "web",
    "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
    "paths": {"/": {"type": "static", "directory": "web"}}}]}]}"#;

/// A configuration with three faults.
const BAD: &str = r#"{"version": 2,
  "workers": [{
    "type": "router",
    "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
      {"uri": "", "match": "sometimes", "allow": {}}]}]}],
    "transports": [
      {"type": "rawsocket", "endpoint": {"type": "tcp", "prot": 8080}},
      {"type": "rawsocket", "serializers": ["jason"],
       "endpoint": {"type": "unix", "path": "x"}}
    ]
  }]
}"#;

const FAULTS: &str = "\
bad.json:5:28: workers[0].realms[0].roles[0].permissions[0].match: unknown match policy \
'sometimes'; expected 'exact', 'prefix' or 'wildcard'
bad.json:7:57: workers[0].transports[0].endpoint.prot: unknown key 'prot' in a tcp endpoint; \
did you mean 'port'?
bad.json:8:45: workers[0].transports[1].serializers[0]: unknown serializer 'jason'; \
expected 'json', 'msgpack', 'cbor', 'ubjson' or 'bjdata'; did you mean 'json'?
";

/// Runs the program in an empty directory.
fn run_in_empty_directory(args: &[&str]) -> ProgramOutput {
    run(CLOVERLEAF, &TempDirectory::new(), args)
}

fn success(stdout: &str) -> ProgramOutput {
    ProgramOutput { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() }
}

fn failure(stderr: &str) -> ProgramOutput {
    ProgramOutput { code: Some(1), stdout: String::new(), stderr: stderr.to_owned() }
}

/// The commit of the tested working tree; `None` without git.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output =
            Command::new("git").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).expect("text").trim_end().to_owned())
    };
    let toplevel = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    let is_ours = toplevel.join("crates/node/Cargo.toml").is_file();
    is_ours.then(|| git(&["rev-parse", "--short=12", "HEAD"]))?
}

#[test]
fn version_is_one_line_and_names_the_commit() {
    let commit = commit().map(|commit| format!(" ({commit})")).unwrap_or_default();
    let line = format!("Cloverleaf {}{commit}\n", env!("CARGO_PKG_VERSION"));
    for args in [["version"], ["--version"], ["-V"]] {
        assert_eq!(run_in_empty_directory(&args), success(&line), "{args:?}");
    }
}

#[test]
fn help_lists_the_commands_and_describes_the_default_node() {
    let ProgramOutput { code, stdout, stderr } = run_in_empty_directory(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for text in ["start ", "check ", "version ", "'realm1' on 127.0.0.1:8080", "/ws", "/publish"] {
        assert!(stdout.contains(text), "'{text}' is missing in {stdout}");
    }
    assert!(!stdout.contains("container"), "a node starts its containers itself: {stdout}");
    let start = run_in_empty_directory(&["start", "--help"]).stdout;
    for option in [
        "--config",
        "--cbdir",
        "--port",
        "--listen",
        "--loglevel",
        "--logformat",
        "--color",
        "--threads",
        "--spin",
        "--sockets",
        "--no-fast-path",
    ] {
        assert!(start.contains(option), "'{option}' is missing in {start}");
    }
}

#[test]
fn misspelled_command_gets_a_suggestion() {
    let ProgramOutput { code, stderr, .. } = run_in_empty_directory(&["strat"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("a similar subcommand exists: 'start'"), "{stderr}");
    assert_eq!(run_in_empty_directory(&[]).code, Some(2));
}

#[test]
fn check_reports_every_fault_with_its_place() {
    let directory = TempDirectory::new();
    directory.write("bad.json", BAD);
    let outcome = run(CLOVERLEAF, &directory, &["check", "--config", "bad.json"]);
    assert_eq!(outcome, failure(FAULTS));
    // `start` reports the same faults and fails.
    let outcome = run(CLOVERLEAF, &directory, &["start", "--config", "bad.json"]);
    assert_eq!(outcome, failure(FAULTS));
}

#[test]
fn check_accepts_a_good_configuration() {
    let directory = TempDirectory::new();
    let ok = "Ok, node configuration looks good!\n";
    directory.write("config.json", GOOD);
    let missing = "warning: ./config.json:5:52: workers[0].transports[0].paths[\"/\"].directory: \
                   the directory './web' is not there\n";
    assert_eq!(run(CLOVERLEAF, &directory, &["check"]), success(&format!("{missing}{ok}")));
    directory.write("web/index.html", "");
    assert_eq!(run(CLOVERLEAF, &directory, &["check"]), success(ok));
}

#[test]
fn empty_environment_variable_counts_as_not_set() {
    let directory = TempDirectory::new();
    directory.write("config.json", r#"{"version": 2, "workers": [{"type": "broken"}]}"#);
    for command in ["check", "start"] {
        let mut program = Command::new(CLOVERLEAF);
        program.arg(command).current_dir(directory.path());
        program.envs([("CROSSBAR_DIR", ""), ("CLOVERLEAF_LOGLEVEL", "")]);
        let output = program.output().expect("a program");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
        assert!(stderr.contains("unknown worker type 'broken'"), "{command}: {stderr}");
    }
    let ProgramOutput { code, stderr, .. } = run(CLOVERLEAF, &directory, &["check", "--cbdir", ""]);
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn missing_or_malformed_configuration_is_named() {
    let directory = TempDirectory::new();
    directory.write("broken.json", r#"{"version": 2,"#);
    for command in ["check", "start"] {
        for (args, text) in [
            (["--config", "nowhere.json"], "nowhere.json: there is no such file\n"),
            (
                ["--config", "broken.json"],
                "broken.json:1:15: found the end of the file; expected a key in double quotes\n",
            ),
            (
                ["--cbdir", "."],
                "there is no config.yaml and no config.json in . or its folder .crossbar\n",
            ),
        ] {
            let outcome = run(CLOVERLEAF, &directory, &[&[command][..], &args].concat());
            assert_eq!(outcome, failure(text), "{command} {args:?}");
        }
    }
}

/// A configuration that names files, users and classes that do not exist here.
const MISSING: &str = r#"{"workers": [{"type": "router",
  "realms": [{"name": "realm1", "store": {"type": "redb", "path": "config.json"}, "roles": [
    {"name": "anonymous", "permissions": [{"uri": "*"}]}]}],
  "components": [{"type": "class", "classname": "shop.AppSession", "realm": "realm1"}],
  "transports": [{"type": "rawsocket", "endpoint":
    {"type": "unix", "path": "nowhere/router.sock", "owner": "nobody-of-this-name"}}]},
  {"type": "container", "components": [{"type": "class", "classname": "bank.AppSession",
    "realm": "realm1", "transport": {"type": "rawsocket", "serializer": "json",
      "endpoint": {"type": "unix", "path": "router.sock"}}}]}]}"#;

#[test]
fn check_and_start_name_everything_that_the_program_lacks() {
    let directory = TempDirectory::new();
    directory.write("config.json", MISSING);
    let older = "config.json:1:1: the file has no 'version' and is read as the older form; today \
                 it begins with \"version\": 2";
    let advice = "(it has none of any class), and Python is not run by this version: run it as a \
                  separate process that connects to a transport of this node, or write it in Rust \
                  (README.md, \"Embedding\")";
    let class = |class: &str| format!("this program has no component of class '{class}' {advice}");
    let router = "workers[0]";
    let endpoint = "workers[0].transports[0].endpoint";
    let faults = [
        format!(
            "2:67: {router}.realms[0].store.path: the event store ./config.json can't be used: this \
             is another file"
        ),
        format!("4:49: {router}.components[0].classname: {}", class("shop.AppSession")),
        format!("6:30: {endpoint}.path: there is no directory './nowhere'"),
        format!("6:62: {endpoint}.owner: this system has no user 'nobody-of-this-name'"),
        format!("7:71: workers[1].components[0].classname: {}", class("bank.AppSession")),
    ];
    let faults: Vec<String> = faults.iter().map(|fault| format!("./config.json:{fault}")).collect();
    let stderr = format!("{}\n", faults.join("\n"));
    let check = run(CLOVERLEAF, &directory, &["check"]);
    let expected = ProgramOutput { code: Some(1), stdout: format!("warning: ./{older}\n"), stderr };
    assert_eq!(check, expected);
    let start = run(CLOVERLEAF, &directory, &["start", "--logformat", "none"]);
    assert_eq!(start.code, Some(1));
    let (location, reason) = older.split_once(": ").expect("a place and a sentence");
    let log = format!("configuration warning location=./{location} reason={reason}");
    assert_eq!(start.stderr, format!("{log}\n{}", expected.stderr), "the log, then the faults");
}

#[test]
fn configuration_without_workers_starts_with_a_warning() {
    let sentence = "there are no workers that are enabled: the node serves nothing";
    for text in ["{}", r#"{"version": 2, "workers": []}"#] {
        let directory = TempDirectory::new();
        directory.write("config.json", text);
        let ProgramOutput { code, stdout, .. } = run(CLOVERLEAF, &directory, &["check"]);
        assert_eq!(code, Some(0));
        assert!(stdout.contains(&format!("warning: ./config.json:1:1: {sentence}")), "{stdout}");
        let mut node = NodeProcess::start(CLOVERLEAF, text);
        assert_eq!(node.lines_with(sentence).len(), 1, "{node:?}");
        assert_eq!(node.stop("TERM"), Some(0));
    }
}

#[test]
fn container_without_components_starts_no_process() {
    let containers =
        r#""workers": [{"type": "container"}, {"type": "container", "components": []},"#;
    let mut node = NodeProcess::start(CLOVERLEAF, &GOOD.replace(r#""workers": ["#, containers));
    assert_eq!(node.lines_with("this container has no components").len(), 2, "{node:?}");
    assert_eq!(node.lines_with("container restarts").len(), 0, "{node:?}");
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
    assert_eq!(node.lines_with("container restarts").len(), 0, "{node:?}");
}

#[test]
fn path_without_a_service_is_not_found() {
    let none = r#"{"none": {"type": "none"}, "/""#;
    let mut node = NodeProcess::start(CLOVERLEAF, &GOOD.replace(r#"{"/""#, none));
    assert_eq!(node.http().get("/none").status, 404);
    assert_eq!(node.http().get("/none/x").status, 404);
    assert_eq!(node.stop("TERM"), Some(0));
}

#[test]
fn missing_static_directory_is_a_warning() {
    let mut node = NodeProcess::start(CLOVERLEAF, GOOD);
    assert_eq!(node.lines_with("is not there").len(), 1, "{node:?}");
    assert_eq!(node.http().get("/index.html").status, 404);
    assert_eq!(node.stop("TERM"), Some(0));
}

#[test]
fn configuration_is_found_where_crossbar_finds_it() {
    for (file, args) in [
        ("config.json", &["start"][..]),
        (".crossbar/config.json", &["start"]),
        (".crossbar/config.json", &["start", "--cbdir", "."]),
        (".crossbar/config.json", &["start", "--cbdir", ".crossbar"]),
        ("node/.crossbar/config.json", &["start", "--cbdir", "node"]),
        ("node/other.json", &["start", "--cbdir", "node", "--config", "other.json"]),
        ("node/other.json", &["start", "--config", "node/other.json"]),
    ] {
        let directory = TempDirectory::new();
        let path = directory.write(file, GOOD);
        let below = path.parent().expect("a directory");
        std::fs::create_dir(below.join("web")).expect("a directory");
        std::fs::write(below.join("web/found.txt"), file).expect("a file");
        let mut node = NodeProcess::launch(CLOVERLEAF, directory, args).ready();
        let answer = node.http().get("/found.txt");
        assert_eq!((answer.status, answer.text().as_str()), (200, file), "{args:?}");
        assert_eq!(node.stop("INT"), Some(0));
    }
}

#[test]
fn older_form_is_accepted_with_a_warning_that_shows_the_current_form() {
    let older = r#"{"controller": {}, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
        {"uri": "*", "publish": true, "subscribe": true, "call": true, "register": true}]}]}],
      "transports": [{"type": "rawsocket",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}}]}]}"#;
    let node = NodeProcess::start(CLOVERLEAF, older);
    node.wait_for_line(
        "config.json:1:1 reason=the file has no 'version' and is read as the older form; \
         today it begins with \"version\": 2",
    );
    node.wait_for_line(
        "config.json:3:9: workers[0].realms[0].roles[0].permissions[0] reason=this permission is \
         written in the older form; today it has \"allow\": {\"call\": true, \"register\": true, \
         \"publish\": true, \"subscribe\": true}",
    );
    let mut peer = RawSocketPeer::open(node.tcp(), JSON);
    peer.join();
    peer.obtain_id(r#"[64,1,{},"com.example.allowed"]"#);
}

#[test]
fn several_threads_serve_connections() {
    let directory = TempDirectory::new();
    let rawsocket = r#""transports": [
      {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}, {"#;
    let allowed = r#"{"uri": "*", "allow": {"call": true, "register": true}}"#;
    let config = GOOD.replace(r#""transports": [{"#, rawsocket).replace(r#"{"uri": "*"}"#, allowed);
    directory.write("config.json", &config);
    let mut node = NodeProcess::launch(CLOVERLEAF, directory, &["start", "--threads", "3"]).ready();
    let procedures = ["com.example.a", "com.example.b", "com.example.c", "com.example.d"];
    let mut idle = Vec::new();
    let mut pairs = procedures.map(|procedure| {
        // About as many connections as one thread takes before the others get some.
        idle.extend((0..40).map(|_| RawSocketPeer::open(node.tcp(), JSON)));
        CallPair::connect_with(&node, procedure)
    });
    for _ in 0..10 {
        pairs.iter_mut().for_each(CallPair::call);
    }
    assert_eq!(node.http().get("/").status, 404);
    drop((pairs, idle));
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}
