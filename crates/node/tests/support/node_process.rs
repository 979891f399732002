//! A node as a process: start, log and end.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::process::send_signal;
use super::{
    ClientStream, HttpClient, JSON, LongPollPeer, RawPeer as _, RawSocketPeer, TempDirectory,
    WebSocketPeer, wait_for,
};

const LOG: &str = "node.log";

/// Exit code and output of a command that ends by itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProgramOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command and waits for its end.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &str,
    directory: &TempDirectory,
    args: &[A],
) -> ProgramOutput {
    let [stdout, stderr] = ["stdout.log", "stderr.log"].map(|name| directory.path().join(name));
    let mut command = command(program, directory);
    command.args(args);
    command
        .stdout(File::create(&stdout).expect("a file"))
        .stderr(File::create(&stderr).expect("a file"));
    let mut child = KillOnDrop(command.spawn().expect("a program"));
    let code = wait_for(&format!("the end of {command:?}"), || child.0.try_wait().ok().flatten());
    let [stdout, stderr] = [stdout, stderr].map(|path| fs::read_to_string(path).expect("a text"));
    ProgramOutput { code: code.code(), stdout, stderr }
}

fn command(program: &str, directory: &TempDirectory) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory.path())
        .env_remove("CROSSBAR_DIR")
        .env_remove("CLOVERLEAF_LOGLEVEL")
        .stdin(Stdio::null());
    command
}

/// A child process that is killed on drop.
#[derive(Debug)]
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running node with its working directory.
pub(crate) struct NodeProcess {
    process: KillOnDrop,
    directory: TempDirectory,
}

impl NodeProcess {
    /// Starts a node with this configuration and waits until it is ready.
    pub(crate) fn start(program: &str, config: &str) -> Self {
        Self::start_in(program, TempDirectory::new(), config)
    }

    /// Starts a node in this directory and waits until it is ready.
    pub(crate) fn start_in(program: &str, directory: TempDirectory, config: &str) -> Self {
        Self::start_in_with(program, directory, config, &[])
    }

    /// Starts a node with further command line options and waits until it is ready.
    pub(crate) fn start_with(program: &str, config: &str, options: &[&str]) -> Self {
        Self::start_in_with(program, TempDirectory::new(), config, options)
    }

    /// Starts a node in this directory with further command line options and waits until it is
    /// ready.
    pub(crate) fn start_in_with(
        program: &str,
        directory: TempDirectory,
        config: &str,
        options: &[&str],
    ) -> Self {
        let config = directory.write("config.json", config);
        let config = config.display().to_string();
        let args = ["start", "--logformat", "none", "--config", &config];
        Self::launch(program, directory, &[&args, options].concat()).ready()
    }

    /// Starts a process that leads a process group of its own. Does not wait until the node is
    /// ready.
    pub(crate) fn launch(program: &str, directory: TempDirectory, args: &[&str]) -> Self {
        let path = directory.path().join(LOG);
        // Discards the lines of an earlier process.
        File::create(&path).expect("a file");
        let log = File::options().append(true).open(path).expect("a file");
        Self::launch_logging_to(log, program, directory, args)
    }

    /// Starts a process whose log goes to `log` instead of the file that `log()` reads.
    pub(crate) fn launch_logging_to(
        log: impl Into<Stdio>,
        program: &str,
        directory: TempDirectory,
        args: &[&str],
    ) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = command(program, &directory);
        command.args(args).stdout(Stdio::null()).stderr(log).process_group(0);
        Self { process: KillOnDrop(command.spawn().expect("a program")), directory }
    }

    /// Waits until the node is ready.
    pub(crate) fn ready(self) -> Self {
        self.wait_for_line("ready elapsed=");
        self
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// The working directory of the process.
    pub(crate) fn directory(&self) -> &TempDirectory {
        &self.directory
    }

    /// Returns the directory and kills the process, if it still runs.
    pub(crate) fn into_directory(self) -> TempDirectory {
        self.directory
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join(LOG)).unwrap_or_default())
            .into_owned()
    }

    /// The lines of the log that contain this text.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Waits until a line of the log contains this text, and returns the first such line.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        self.wait_for_lines(text, 1).swap_remove(0)
    }

    /// Waits until at least `count` lines of the log contain this text.
    pub(crate) fn wait_for_lines(&self, text: &str, count: usize) -> Vec<String> {
        wait_for(&format!("{count} lines with '{text}' from {self:?}"), || {
            Some(self.lines_with(text)).filter(|lines| lines.len() >= count)
        })
    }

    /// Waits until the log lines with this text stand for at least `count` events, suppressed lines
    /// included. Returns the lines.
    pub(crate) fn wait_for_events(&self, text: &str, count: u64) -> Vec<String> {
        wait_for(&format!("{count} times '{text}' from {self:?}"), || {
            Some(self.lines_with(text)).filter(|lines| count_events(lines) >= count)
        })
    }

    /// The TCP addresses of the listeners that the log calls `transport`, such as `web`.
    pub(crate) fn addresses(&self, transport: &str) -> Vec<SocketAddr> {
        let prefix = format!(r#"listening transport="{transport}" address="#);
        let log = self.log();
        let listening = log.lines().filter_map(|line| line.split_once(&prefix));
        listening.filter_map(|(_, rest)| rest.split([' ', '\n']).next()?.parse().ok()).collect()
    }

    fn address(&self, transport: &str) -> SocketAddr {
        let addresses = self.addresses(transport);
        *addresses.first().unwrap_or_else(|| panic!("{transport} isn't served: {self:?}"))
    }

    /// The address of the first listener that serves HTTP.
    fn web_address(&self) -> SocketAddr {
        let universal = || self.address("universal");
        self.addresses("web").first().copied().unwrap_or_else(universal)
    }

    /// An HTTP connection to the first web transport.
    pub(crate) fn http(&self) -> HttpClient {
        HttpClient::over(ClientStream::tcp(self.web_address()))
    }

    /// A WebSocket at `/ws` of the first web transport with this subprotocol.
    pub(crate) fn websocket(&self, subprotocol: &str) -> WebSocketPeer {
        WebSocketPeer::open(ClientStream::tcp(self.web_address()), "/ws", subprotocol)
    }

    /// A long-poll session at `/lp` of the first web transport with this protocol.
    pub(crate) fn longpoll(&self, protocol: &str) -> LongPollPeer {
        LongPollPeer::open(ClientStream::tcp(self.web_address()), "/lp", protocol)
    }

    /// A connection to the first RawSocket transport over TCP, before any handshake.
    pub(crate) fn tcp(&self) -> ClientStream {
        ClientStream::tcp(self.address("rawsocket"))
    }

    /// A connection to the Unix socket `router.sock`, before any handshake.
    pub(crate) fn unix(&self) -> ClientStream {
        ClientStream::unix(&self.socket())
    }

    /// A RawSocket over the Unix socket `router.sock` with this serializer.
    pub(crate) fn rawsocket(&self, serializer: u8) -> RawSocketPeer {
        RawSocketPeer::open(self.unix(), serializer)
    }

    /// A JSON session in `realm1` over the Unix socket `router.sock`.
    pub(crate) fn join(&self) -> RawSocketPeer {
        let mut peer = self.rawsocket(JSON);
        peer.join();
        peer
    }

    /// The path of the Unix socket `router.sock`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("router.sock")
    }

    /// Sends a signal, named without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        send_signal(name, i64::from(self.id()));
    }

    /// Waits for the end of the process and returns its exit code; `None` after a fatal signal.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let process = &mut self.process.0;
        let status = wait_for("the end of the node", || process.try_wait().expect("a child"));
        status.code()
    }

    /// Asserts that no phase of the graceful shutdown ran into its timeout.
    pub(crate) fn assert_no_shutdown_timeout(&self) {
        for text in ["requests canceled", "sessions closed after the timeout"] {
            assert!(self.lines_with(text).is_empty(), "{self:?}");
        }
    }

    /// Sends a signal, waits for the end of the process and returns its exit code.
    pub(crate) fn stop(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.exit_code()
    }
}

/// Number of events that these log lines stand for. A line without `peer=` only reports suppressed
/// lines.
pub(crate) fn count_events<L: AsRef<str>>(lines: &[L]) -> u64 {
    let events_of = |line: &str| {
        let suppressed = line.split_once("suppressed=").map_or(0, |(_, number)| {
            number.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
        });
        suppressed + u64::from(line.contains("peer="))
    };
    lines.iter().map(|line| events_of(line.as_ref())).sum()
}

/// The log, for the messages of failed tests.
impl fmt::Debug for NodeProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a node with this log:\n{}", self.log())
    }
}
