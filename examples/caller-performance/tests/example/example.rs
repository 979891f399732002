//! The example's program with one of its configurations. The port is the only thing that a test
//! changes in them, since the one that they name may be somebody else's.

use std::fs;
use std::net::TcpListener;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::{
    ClientStream, HttpClient, JSON, NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory,
    wait_for,
};

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
pub(crate) struct Example(NodeProcess);

impl Example {
    /// Starts a configuration as Crossbar.io's users do, and waits until the node is ready;
    /// containers may come later.
    pub(crate) fn start(configuration: &str) -> Self {
        let directory = TempDirectory::new();
        directory.write("web/index.html", "the page");
        let cbdir = directory.path().join(".crossbar").display().to_string();
        let at = format!(".crossbar/{configuration}");
        Self::launch(directory, configuration, &at, &["--cbdir", &cbdir])
    }

    /// Starts `config.json` at a path that counts from the working directory.
    pub(crate) fn at(path: &str, options: &[&str]) -> Self {
        Self::launch(TempDirectory::new(), "config.json", path, options)
    }

    /// Writes a configuration `at` a path in the directory and starts it.
    fn launch(
        mut directory: TempDirectory,
        configuration: &str,
        at: &str,
        options: &[&str],
    ) -> Self {
        let text = fs::read_to_string(configurations().join(configuration)).expect("a file");
        let args = ["start", "--logformat", "none", "--config", configuration];
        let args = [&args, options].concat();
        loop {
            directory.write(at, &text.replace("8080", &free_port().to_string()));
            let node = NodeProcess::launch(PROGRAM, directory, &args);
            if !has_lost_its_port(&node) {
                return Self(node);
            }
            directory = node.into_directory();
        }
    }

    /// Starts `config.json` and waits until every procedure is there.
    pub(crate) fn with_four_procedures() -> Self {
        let example = Self::start("config.json");
        for (procedure, _) in PROCEDURES {
            example.wait_for_procedure(procedure);
        }
        example
    }

    /// Writes the configuration anew, which only processes read that start later.
    pub(crate) fn rewrite(&self, configuration: &str) {
        self.directory().write(".crossbar/config.json", configuration);
    }

    /// The configuration as the node has read it.
    pub(crate) fn configuration(&self) -> String {
        let path = self.directory().path().join(".crossbar/config.json");
        fs::read_to_string(path).expect("a file")
    }

    /// A session beside those of the containers.
    pub(crate) fn session(&self) -> RawSocketPeer {
        let socket = self.directory().path().join(".crossbar/crossbar.sock");
        let mut session = RawSocketPeer::open(ClientStream::unix(&socket), JSON);
        session.join();
        session
    }

    /// The process of a container; none while there is none.
    pub(crate) fn container(&self, worker: &str) -> Option<u32> {
        let is_wanted = |process: &u32| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == worker.as_bytes())
        };
        self.containers().into_iter().find(is_wanted)
    }

    /// The processes of all containers.
    pub(crate) fn containers(&self) -> Vec<u32> {
        children(self.id())
    }

    /// Waits until a quiet call succeeds.
    pub(crate) fn wait_for_procedure(&self, procedure: &str) {
        let mut http = self.http();
        wait_for(procedure, || {
            let answer = call(&mut http, procedure, &json!({"verbose": false}));
            answer.get("error").is_none().then_some(())
        });
    }

    /// The lines of the log that a procedure has written for its calls.
    pub(crate) fn calls_of(&self, procedure: &str) -> Vec<String> {
        self.lines_with(&format!("{procedure}("))
    }
}

impl Deref for Example {
    type Target = NodeProcess;

    fn deref(&self) -> &NodeProcess {
        &self.0
    }
}

impl DerefMut for Example {
    fn deref_mut(&mut self) -> &mut NodeProcess {
        &mut self.0
    }
}

/// Calls a procedure with 13 and 3 over HTTP.
pub(crate) fn call(http: &mut HttpClient, procedure: &str, kwargs: &Value) -> Value {
    call_with(http, procedure, [13, 3], kwargs)
}

/// Calls a procedure over HTTP and gives the body of the answer.
pub(crate) fn call_with(
    http: &mut HttpClient,
    procedure: &str,
    args: [i64; 2],
    kwargs: &Value,
) -> Value {
    let body = json!({"procedure": procedure, "args": args, "kwargs": kwargs});
    let answer = http.post("/call", &body.to_string());
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A port that nobody listens on, for configurations that have to name it. It is below those that
/// the system chooses for outgoing connections, and each process begins elsewhere.
fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    wait_for("a free port", || {
        let step = COUNT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(61) + step) % 20_000;
        let port = u16::try_from(port).ok()?;
        TcpListener::bind(("0.0.0.0", port)).is_ok().then_some(port)
    })
}

/// Whether somebody else was quicker to listen on a node's port; otherwise the node is ready.
fn has_lost_its_port(node: &NodeProcess) -> bool {
    wait_for(&format!("the start of {node:?}"), || {
        let has_said = |text| !node.lines_with(text).is_empty();
        (has_said("in use") || has_said("ready elapsed=")).then(|| has_said("in use"))
    })
}

/// Whether a process runs; one that has ended and was not waited for does not.
pub(crate) fn is_alive(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    // The state follows the name, which is in parentheses and may hold anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children: Vec<String> =
        tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect();
    children.iter().flat_map(|text| text.split_whitespace()).flat_map(str::parse).collect()
}
