//! Starts the example program with one of its configurations. Tests change the port alone: the
//! configured one may be in use.

use std::fs;
use std::net::TcpListener;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::lab::{Directory, Http, JSON, Node, Peer as _, RawSocket, Stream, wait_for};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_caller-performance");

/// Each procedure of `config.json` with its result for 13 and 3.
pub(crate) const PROCEDURES: [(&str, i64); 4] = [
    ("com.example.add2", 16),
    ("com.example.sub2", 10),
    ("com.example.mul2", 39),
    ("com.example.div2", 1),
];

/// The folder of the configurations.
pub(crate) fn configurations() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.crossbar"))
}

/// A running example.
#[derive(Debug)]
pub(crate) struct Example(Node);

impl Example {
    /// Starts a configuration as Crossbar.io's users do, and waits until the node is ready. The
    /// containers may not have joined yet.
    pub(crate) fn start(configuration: &str) -> Self {
        let directory = Directory::new();
        directory.write("web/index.html", "the page");
        let cbdir = directory.path().join(".crossbar").display().to_string();
        let at = format!(".crossbar/{configuration}");
        Self::launch(directory, configuration, &at, &["--cbdir", &cbdir])
    }

    /// Starts `config.json` at a path relative to the working directory.
    pub(crate) fn at(path: &str, options: &[&str]) -> Self {
        Self::launch(Directory::new(), "config.json", path, options)
    }

    /// Writes a configuration `at` a path in the directory and starts it.
    fn launch(mut directory: Directory, configuration: &str, at: &str, options: &[&str]) -> Self {
        let text = fs::read_to_string(configurations().join(configuration)).expect("a file");
        let args = ["start", "--logformat", "none", "--config", configuration];
        let args = [&args, options].concat();
        loop {
            directory.write(at, &text.replace("8080", &free_port().to_string()));
            let node = Node::launch(PROGRAM, directory, &args);
            if !has_lost_its_port(&node) {
                return Self(node);
            }
            directory = node.into_directory();
        }
    }

    /// Starts `config.json` and waits until every procedure is registered.
    pub(crate) fn with_four_procedures() -> Self {
        let example = Self::start("config.json");
        for (procedure, _) in PROCEDURES {
            example.wait_for_procedure(procedure);
        }
        example
    }

    /// Replaces the configuration file. Only processes that start later read it.
    pub(crate) fn rewrite(&self, configuration: &str) {
        self.directory().write(".crossbar/config.json", configuration);
    }

    /// The text of the configuration file.
    pub(crate) fn configuration(&self) -> String {
        let path = self.directory().path().join(".crossbar/config.json");
        fs::read_to_string(path).expect("a file")
    }

    /// Joins with a session of the test.
    pub(crate) fn session(&self) -> RawSocket {
        let socket = self.directory().path().join(".crossbar/crossbar.sock");
        let mut session = RawSocket::open(Stream::unix(&socket), JSON);
        session.join();
        session
    }

    /// The process id of a container, if it is running.
    pub(crate) fn container(&self, worker: &str) -> Option<u32> {
        let is_wanted = |process: &u32| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == worker.as_bytes())
        };
        self.containers().into_iter().find(is_wanted)
    }

    /// The process ids of all containers.
    pub(crate) fn containers(&self) -> Vec<u32> {
        children(self.id())
    }

    /// Waits until a quiet call of the procedure succeeds.
    pub(crate) fn wait_for_procedure(&self, procedure: &str) {
        let mut http = self.http();
        wait_for(procedure, || {
            let answer = call(&mut http, procedure, &json!({"verbose": false}));
            answer.get("error").is_none().then_some(())
        });
    }

    /// The log lines of a procedure's calls.
    pub(crate) fn calls_of(&self, procedure: &str) -> Vec<String> {
        self.lines_with(&format!("{procedure}("))
    }
}

impl Deref for Example {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.0
    }
}

impl DerefMut for Example {
    fn deref_mut(&mut self) -> &mut Node {
        &mut self.0
    }
}

/// Calls a procedure with 13 and 3 over HTTP.
pub(crate) fn call(http: &mut Http, procedure: &str, kwargs: &Value) -> Value {
    call_with(http, procedure, [13, 3], kwargs)
}

/// Calls a procedure over HTTP and returns the body of the response.
pub(crate) fn call_with(http: &mut Http, procedure: &str, args: [i64; 2], kwargs: &Value) -> Value {
    let body = json!({"procedure": procedure, "args": args, "kwargs": kwargs});
    let answer = http.post("/call", &body.to_string());
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A free TCP port for a configuration. It is below the ports that the system uses for outgoing
/// connections. Each test process begins its search at another port.
fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    wait_for("a free port", || {
        let step = COUNT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(61) + step) % 20_000;
        let port = u16::try_from(port).ok()?;
        TcpListener::bind(("0.0.0.0", port)).is_ok().then_some(port)
    })
}

/// Waits until the node is ready or its port turns out to be in use. Returns whether it is in use.
fn has_lost_its_port(node: &Node) -> bool {
    wait_for(&format!("the start of {node:?}"), || {
        let has_logged = |text| !node.lines_with(text).is_empty();
        (has_logged("in use") || has_logged("ready after")).then(|| has_logged("in use"))
    })
}

/// Whether a process is running. A zombie is not.
pub(crate) fn is_alive(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    // The state follows the name, which is in parentheses and may contain any character.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// The process ids of a process's children.
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children: Vec<String> =
        tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect();
    children.iter().flat_map(|text| text.split_whitespace()).flat_map(str::parse).collect()
}
