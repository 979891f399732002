//! The command line: what it says of itself, how configurations are found, and how they are
//! checked.

use crate::lab::{Directory, Honest, JSON, Node, Outcome, Peer as _, RawSocket, run};
use crate::router::CLOVERLEAF;

/// A node that serves files from a directory that may be missing.
const GOOD: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [{"uri": "*"}]}]}],
  "transports": [{"type": "web",
    "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
    "paths": {"/": {"type": "static", "directory": "web"}}}]}]}"#;

/// Three faults.
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

/// What the program says in an empty directory.
fn said(args: &[&str]) -> Outcome {
    run(CLOVERLEAF, &Directory::new(), args)
}

fn success(stdout: &str) -> Outcome {
    Outcome { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() }
}

fn failure(stderr: &str) -> Outcome {
    Outcome { code: Some(1), stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn version_is_one_line() {
    let line = concat!("Cloverleaf ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(said(&["version"]), success(line));
}

#[test]
fn help_says_what_there_is_and_what_a_node_without_configuration_does() {
    let Outcome { code, stdout, stderr } = said(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for text in ["start ", "check ", "version ", "'realm1' on 127.0.0.1:8080", "/ws", "/publish"] {
        assert!(stdout.contains(text), "'{text}' is missing in {stdout}");
    }
    assert!(!stdout.contains("container"), "a node starts its containers itself: {stdout}");
    let start = said(&["start", "--help"]).stdout;
    for option in [
        "--config",
        "--cbdir",
        "--loglevel",
        "--logformat",
        "--color",
        "--threads",
        "--spin",
        "--sockets",
        "--no-short-way",
    ] {
        assert!(start.contains(option), "'{option}' is missing in {start}");
    }
}

#[test]
fn a_command_that_is_misspelled_is_answered_by_the_one_that_was_meant() {
    let Outcome { code, stderr, .. } = said(&["strat"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("a similar subcommand exists: 'start'"), "{stderr}");
    assert_eq!(said(&[]).code, Some(2));
}

#[test]
fn check_reports_every_fault_with_its_place() {
    let directory = Directory::new();
    directory.write("bad.json", BAD);
    let outcome = run(CLOVERLEAF, &directory, &["check", "--config", "bad.json"]);
    assert_eq!(outcome, failure(FAULTS));
    // A node says the same and does not start.
    let outcome = run(CLOVERLEAF, &directory, &["start", "--config", "bad.json"]);
    assert_eq!(outcome, failure(FAULTS));
}

#[test]
fn check_says_that_a_configuration_is_good() {
    let directory = Directory::new();
    let ok = "Ok, node configuration looks good!\n";
    directory.write("config.json", GOOD);
    let missing = "warning: ./config.json:5:52: workers[0].transports[0].paths[\"/\"].directory: \
                   the directory './web' is not there\n";
    assert_eq!(run(CLOVERLEAF, &directory, &["check"]), success(&format!("{missing}{ok}")));
    directory.write("web/index.html", "");
    assert_eq!(run(CLOVERLEAF, &directory, &["check"]), success(ok));
}

#[test]
fn a_configuration_that_is_not_there_or_no_json_is_named() {
    let directory = Directory::new();
    directory.write("broken.json", r#"{"version": 2,"#);
    for command in ["check", "start"] {
        for (args, text) in [
            (
                ["--config", "nowhere.json"],
                "nowhere.json:1:1: the file cannot be read: No such file or directory (os error 2)\n",
            ),
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

#[test]
fn a_class_that_nobody_has_registered_is_refused_with_the_way_to_register_it() {
    let components = r#""components": [{"type": "class", "classname": "shop.AppSession",
        "realm": "realm1", "role": "anonymous"}], "transports""#;
    let directory = Directory::new();
    directory.write("config.json", &GOOD.replace(r#""transports""#, components));
    let outcome = run(CLOVERLEAF, &directory, &["start", "--loglevel", "none"]);
    let text = "./config.json:3:49: workers[0].components[0].classname: this program has no \
                component of class 'shop.AppSession'; it has none at all. Components are written \
                in Rust and registered by a program that embeds the node: \
                `cloverleaf_node::main(Components::new().with(\"shop.AppSession\", …))`, as \
                examples/caller-performance does. Python classes are not run yet\n";
    assert_eq!(outcome, failure(text));
}

#[test]
fn a_missing_directory_of_files_is_a_warning() {
    let mut node = Node::start(CLOVERLEAF, GOOD);
    assert_eq!(node.lines_with("is not there").len(), 1, "{node:?}");
    assert_eq!(node.http().get("/index.html").status, 404);
    assert_eq!(node.end("TERM"), Some(0));
}

#[test]
fn a_configuration_is_found_as_crossbar_finds_it() {
    for (file, args) in [
        ("config.json", &["start"][..]),
        (".crossbar/config.json", &["start"]),
        (".crossbar/config.json", &["start", "--cbdir", "."]),
        (".crossbar/config.json", &["start", "--cbdir", ".crossbar"]),
        ("node/.crossbar/config.json", &["start", "--cbdir", "node"]),
        ("node/other.json", &["start", "--cbdir", "node", "--config", "other.json"]),
        ("node/other.json", &["start", "--config", "node/other.json"]),
    ] {
        let directory = Directory::new();
        let path = directory.write(file, GOOD);
        let below = path.parent().expect("a directory");
        std::fs::create_dir(below.join("web")).expect("a directory");
        std::fs::write(below.join("web/found.txt"), file).expect("a file");
        let mut node = Node::launch(CLOVERLEAF, directory, args).ready();
        let answer = node.http().get("/found.txt");
        assert_eq!((answer.status, answer.text().as_str()), (200, file), "{args:?}");
        assert_eq!(node.end("INT"), Some(0));
    }
}

#[test]
fn the_older_form_is_accepted_with_a_warning_that_says_how_to_write_it_today() {
    let older = r#"{"controller": {}, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
        {"uri": "*", "publish": true, "subscribe": true, "call": true, "register": true}]}]}],
      "transports": [{"type": "rawsocket",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}}]}]}"#;
    let node = Node::start(CLOVERLEAF, older);
    node.wait_for_line(
        "config.json:1:1: the file has no 'version' and is read as the older form; \
         today it begins with \"version\": 2",
    );
    node.wait_for_line(
        "config.json:3:9: workers[0].realms[0].roles[0].permissions[0]: this permission is written \
         in the older form; today it has \"allow\": {\"call\": true, \"register\": true, \
         \"publish\": true, \"subscribe\": true}",
    );
    let mut peer = RawSocket::open(node.tcp(), JSON);
    peer.join();
    peer.obtain(r#"[64,1,{},"com.example.allowed"]"#);
}

#[test]
fn connections_may_be_served_by_several_threads() {
    let directory = Directory::new();
    let rawsocket = r#""transports": [
      {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}, {"#;
    let allowed = r#"{"uri": "*", "allow": {"call": true, "register": true}}"#;
    let config = GOOD.replace(r#""transports": [{"#, rawsocket).replace(r#"{"uri": "*"}"#, allowed);
    directory.write("config.json", &config);
    let mut node = Node::launch(CLOVERLEAF, directory, &["start", "--threads", "3"]).ready();
    let procedures = ["com.example.a", "com.example.b", "com.example.c", "com.example.d"];
    let mut idle = Vec::new();
    let mut pairs = procedures.map(|procedure| {
        // About as many as one thread takes before it leaves some to the others.
        idle.extend((0..40).map(|_| RawSocket::open(node.tcp(), JSON)));
        Honest::calling(&node, procedure)
    });
    for _ in 0..10 {
        pairs.iter_mut().for_each(Honest::call);
    }
    assert_eq!(node.http().get("/").status, 404);
    drop((pairs, idle));
    assert_eq!(node.end("TERM"), Some(0), "{node:?}");
}
