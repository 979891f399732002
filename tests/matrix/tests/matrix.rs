//! Every scenario over every transport with every serializer, in both directions.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"{
  "version": 2,
  "workers": [{
    "type": "router",
    "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
      "roles": [{"name": "anonymous", "permissions": [
      {"uri": "", "match": "prefix", "allow":
        {"call": true, "register": true, "publish": true, "subscribe": true}}]}],
      "store": {"type": "memory",
                "event-history": [{"uri": "com.history.", "match": "prefix", "limit": 10}]}}],
    "transports": [
      {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
       "paths": {"ws": {"type": "websocket"},
                 "lp": {"type": "longpoll", "options": {"queue_limit_messages": 1000}}}},
      {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}
    ],
    "components": [{"type": "class", "classname": "matrix.Scenarios", "realm": "realm1",
                    "role": "anonymous"}]
  }]
}"#;

/// All transports and serializers; the output of the program is compared with them.
const TRANSPORTS: [&str; 5] = ["websocket", "tcp", "unix", "longpoll", "in-process"];
const SERIALIZERS: [&str; 4] = ["json", "msgpack", "cbor", "ubjson"];

/// Time for the router to become ready.
const START: Duration = Duration::from_secs(20);

/// A program in its own folder; both are removed at the end.
struct Matrix {
    process: Child,
    folder: PathBuf,
}

impl Matrix {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("cloverleaf-matrix-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("config.json"), CONFIG).expect("a file");
        let process = Command::new(env!("CARGO_BIN_EXE_cloverleaf-matrix"))
            .args(["start", "--logformat", "none", "--config", "config.json"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("log")).expect("a file"))
            .spawn()
            .expect("a program");
        Self { process, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).expect("a log")
    }

    /// The addresses of the router, once it is ready.
    fn addresses(&self) -> String {
        let deadline = Instant::now() + START;
        while !self.log().contains("ready elapsed=") {
            assert!(Instant::now() < deadline, "the router does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = self.log();
        let at = |transport: &str| {
            let listening = format!(r#"listening transport="{transport}" address="#);
            let (_, rest) = log.split_once(&listening).expect("a listener");
            rest.split_whitespace().next().expect("an address").to_owned()
        };
        let socket = Path::new(&self.folder).join("router.sock");
        format!("{} {} {}", at("web"), at("rawsocket"), socket.display())
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_scenario_passes_over_every_transport_with_every_serializer() {
    let mut matrix = Matrix::start();
    let addresses = matrix.addresses();
    let mut asked = matrix.process.stdin.take().expect("a pipe");
    writeln!(asked, "{addresses}").expect("it reads");
    let said = BufReader::new(matrix.process.stdout.take().expect("a pipe"));
    let lines: Vec<String> =
        said.lines().map_while(Result::ok).take_while(|l| l != "done").collect();

    let bad: Vec<_> = lines.iter().filter(|line| !line.ends_with(": ok")).collect();
    assert_eq!(bad, [""; 0], "{}", matrix.log());
    let ran: BTreeSet<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    let all: Vec<_> = TRANSPORTS
        .iter()
        .flat_map(|transport| SERIALIZERS.map(|serializer| format!("{transport}-{serializer}")))
        .collect();
    assert_eq!(ran, all.iter().map(String::as_str).collect());
    let names: BTreeSet<_> = lines.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(lines.len(), all.len() * 2 * names.len(), "each scenario over each, both ways");
}
