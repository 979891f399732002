//! Starts the process of each container and starts it again when it has died.
//!
//! The standard input of the process is a pipe that is never written. It closes when this process
//! ends for any reason, and the container ends then. The output of the container is logged line by
//! line under the name of its worker.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cloverleaf_transport::shutdown::ShutdownSignal;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, timeout};

use crate::container::ContainerShutdown;

/// How long a container that died is left before it is started again, the first time.
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// The longest such delay; it doubles until then.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// How long a container must have lived for the delay to start over.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// How long a container may take to end when it is asked to.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest line of a container's output that is logged in one piece, in bytes.
const MAX_LINE: u64 = 16 * 1024;

/// How the program starts itself for a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// This program.
    pub program: PathBuf,
    /// The absolute path of the configuration file.
    pub config: PathBuf,
    /// The node directory.
    pub directory: PathBuf,
    /// The log level of the container.
    pub log_level: String,
}

/// Variables that a process takes over from the node's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// All of them.
    All,
    /// These; an empty list: none.
    Named(Vec<String>),
}

/// A container to keep running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerProcess {
    /// The id of its worker.
    pub worker: String,
    /// When it has done its work.
    pub shutdown: ContainerShutdown,
    /// The variables that it takes over from the node's environment.
    pub inherit: Inherit,
    /// Variables that are set besides, and take precedence.
    pub variables: BTreeMap<String, String>,
}

/// Keeps one container running until `shutdown` is given. After `node_shutdown` was given, a
/// container is not started or started again.
pub async fn supervise(
    container: ContainerProcess,
    launch: Launch,
    node_shutdown: ShutdownSignal,
    mut shutdown: ShutdownSignal,
) {
    let worker = container.worker.as_str();
    let mut delay = FIRST_DELAY;
    // Either may be given before the first start, while a container that it replaces is ending.
    while !shutdown.is_given() && !node_shutdown.is_given() {
        let started = Instant::now();
        match spawn(&container, &launch) {
            Ok(mut child) => {
                log_output(worker, &mut child);
                // Waiting for a child closes its standard input, so it is taken out before.
                let stdin = child.stdin.take();
                tokio::select! {
                    status = child.wait() => {
                        if has_done_its_work(&container, status) {
                            return;
                        }
                    }
                    () = shutdown.wait() => return end(worker, child, stdin).await,
                }
            }
            Err(error) => tracing::error!(worker, reason = %error, "container not started"),
        }
        if node_shutdown.is_given() {
            return;
        }
        if started.elapsed() >= STABLE_AFTER {
            delay = FIRST_DELAY;
        }
        tracing::info!(worker, ?delay, "container restarts");
        tokio::select! {
            () = sleep(delay) => {}
            () = shutdown.wait() => return,
        }
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Logs how a container has ended. Returns whether its options want it to stay ended.
fn has_done_its_work(
    container: &ContainerProcess,
    status: std::io::Result<std::process::ExitStatus>,
) -> bool {
    let worker = container.worker.as_str();
    let succeeded = match status {
        Ok(status) => {
            tracing::warn!(worker, %status, "container ended");
            status.success()
        }
        Err(error) => {
            tracing::warn!(worker, reason = %error, "container lost");
            return false;
        }
    };
    match container.shutdown {
        ContainerShutdown::Manual => false,
        ContainerShutdown::OnLastComponentStopped => succeeded,
        ContainerShutdown::OnAnyComponentFailed => !succeeded,
        ContainerShutdown::OnAnyComponentStopped => true,
    }
}

fn spawn(container: &ContainerProcess, launch: &Launch) -> std::io::Result<Child> {
    let mut command = Command::new(&launch.program);
    command
        .arg("container")
        .arg("--config")
        .arg(&launch.config)
        // In one argument, since the name may begin with a hyphen.
        .arg(option("--cbdir=", &launch.directory))
        .arg("--worker")
        .arg(&container.worker)
        .arg("--loglevel")
        .arg(&launch.log_level)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C on the terminal is for the node, which ends its containers itself.
        .process_group(0)
        .kill_on_drop(true);
    set_environment(&mut command, container);
    command.spawn()
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

fn set_environment(command: &mut Command, container: &ContainerProcess) {
    if let Inherit::Named(names) = &container.inherit {
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| {
            name.to_str().is_some_and(|name| names.iter().any(|wanted| wanted == name))
        }));
    }
    command.envs(&container.variables);
}

fn log_output(worker: &str, child: &mut Child) {
    if let Some(output) = child.stdout.take() {
        tokio::spawn(log_lines(worker.to_owned(), output));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(log_lines(worker.to_owned(), output));
    }
}

/// Logs the output of a container line by line. Lines are cut at [`MAX_LINE`].
async fn log_lines(worker: String, output: impl AsyncRead + Unpin) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        // Lines that are here already cost the runtime nothing, but others their turn.
        consume_budget().await;
        match (&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                tracing::info!("[{worker}] {}", text.trim_end());
            }
        }
    }
}

/// Ends a container: closes its standard input, and kills it after [`END_TIMEOUT`].
async fn end(worker: &str, mut child: Child, stdin: Option<ChildStdin>) {
    drop(stdin);
    if timeout(END_TIMEOUT, child.wait()).await.is_err() {
        tracing::warn!(worker, "container killed");
        if let Err(error) = child.kill().await {
            tracing::warn!(worker, reason = %error, "container not killed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::time::Duration;

    use cloverleaf_transport::shutdown::channel;

    use super::{ContainerProcess, Inherit, Launch, supervise};
    use crate::container::ContainerShutdown;

    /// Makes a file, then prints without end.
    const SCRIPT: &str = "#!/bin/sh\ntouch \"$0.started\"\nexec yes\n";

    /// A container whose program is the script, and the directory of the program.
    fn container(name: &str) -> (ContainerProcess, Launch, PathBuf) {
        let directory = format!("cloverleaf-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        std::fs::create_dir_all(&directory).expect("a directory");
        let [config, program] = ["config.json", "program"].map(|name| directory.join(name));
        std::fs::write(&program, SCRIPT).expect("a file");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("a mode");
        let container = ContainerProcess {
            worker: name.to_owned(),
            shutdown: ContainerShutdown::Manual,
            inherit: Inherit::All,
            variables: BTreeMap::new(),
        };
        let launch =
            Launch { program, config, directory: directory.clone(), log_level: "info".to_owned() };
        (container, launch, directory)
    }

    #[tokio::test]
    async fn container_is_not_started_after_its_shutdown_or_that_of_the_node() {
        let (container, launch, directory) = container("late");
        for is_node in [false, true] {
            let ((node_trigger, node_shutdown), (trigger, shutdown)) = (channel(), channel());
            if is_node {
                node_trigger.shut_down()
            } else {
                trigger.shut_down()
            }
            supervise(container.clone(), launch.clone(), node_shutdown, shutdown).await;
            assert!(!directory.join("program.started").exists());
        }
        std::fs::remove_dir_all(directory).expect("a directory");
    }

    #[tokio::test]
    async fn container_that_prints_without_end_does_not_block_the_thread_and_can_be_ended() {
        let (container, launch, directory) = container("chatty");
        let (_node_trigger, node_shutdown) = channel();
        let (trigger, shutdown) = channel();
        let supervising = tokio::spawn(supervise(container, launch, node_shutdown, shutdown));
        while !directory.join("program.started").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Each of these needs a turn of the runtime, while there is always another line.
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        trigger.shut_down();
        supervising.await.expect("no panic");
        std::fs::remove_dir_all(directory).expect("a directory");
    }
}
