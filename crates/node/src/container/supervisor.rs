//! Starts the process of each container and starts it again when it has died.
//!
//! The process's standard input is a pipe that nobody writes to: it closes when this process is
//! gone, however it went, and the container ends then. What it prints stands in the log under its
//! worker's name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cloverleaf_config::settings::{ContainerShutdown, ContainerWorker, EnvInherit, WorkerEnv};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, timeout};

use crate::shutdown::Ending;

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
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// The absolute path of the configuration file.
    pub(crate) config: PathBuf,
    /// The node directory.
    pub(crate) directory: PathBuf,
    pub(crate) log_level: String,
}

/// Keeps one container running. It is ended with `ending`; one that ends by itself after the node
/// has begun to end (`node_ending`) is not started again.
pub(crate) async fn supervise(
    worker: ContainerWorker,
    launch: Launch,
    node_ending: Ending,
    mut ending: Ending,
) {
    let mut delay = FIRST_DELAY;
    loop {
        let started = Instant::now();
        match spawn(&worker, &launch) {
            Ok(mut child) => {
                log_output(&worker.id, &mut child);
                // Waiting for a child would close its standard input, were it still the child's.
                let leash = child.stdin.take();
                tokio::select! {
                    status = child.wait() => {
                        if has_stopped_for_good(&worker, status) {
                            return;
                        }
                    }
                    () = ending.wait() => return end(&worker.id, child, leash).await,
                }
            }
            Err(error) => tracing::error!("container {} can't be started: {error}", worker.id),
        }
        if node_ending.has_begun() {
            return;
        }
        if started.elapsed() >= STABLE_AFTER {
            delay = FIRST_DELAY;
        }
        tracing::info!("container {} is started again in {delay:?}", worker.id);
        tokio::select! {
            () = sleep(delay) => {}
            () = ending.wait() => return,
        }
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Logs how a container ended, and says whether its options want it to stay so.
fn has_stopped_for_good(
    worker: &ContainerWorker,
    status: std::io::Result<std::process::ExitStatus>,
) -> bool {
    let succeeded = match status {
        Ok(status) => {
            tracing::warn!("container {} has ended: {status}", worker.id);
            status.success()
        }
        Err(error) => {
            tracing::warn!("container {} is lost: {error}", worker.id);
            return false;
        }
    };
    match worker.options.shutdown {
        ContainerShutdown::Manual => false,
        ContainerShutdown::OnLastComponentStopped => succeeded,
        ContainerShutdown::OnAnyComponentFailed => !succeeded,
        ContainerShutdown::OnAnyComponentStopped => true,
    }
}

fn spawn(worker: &ContainerWorker, launch: &Launch) -> std::io::Result<Child> {
    let mut command = Command::new(&launch.program);
    command
        .arg("container")
        .arg("--config")
        .arg(&launch.config)
        // In one argument, since the name may begin with a hyphen.
        .arg(option("--cbdir=", &launch.directory))
        .arg("--worker")
        .arg(&worker.id)
        .arg("--loglevel")
        .arg(&launch.log_level)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What the terminal says with Ctrl-C is for the node, which ends its containers itself.
        .process_group(0)
        .kill_on_drop(true);
    set_environment(&mut command, &worker.options.native.env);
    command.spawn()
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

fn set_environment(command: &mut Command, env: &WorkerEnv) {
    match &env.inherit {
        EnvInherit::All => {}
        EnvInherit::Nothing => {
            command.env_clear();
        }
        EnvInherit::Named(names) => {
            command.env_clear();
            command.envs(std::env::vars_os().filter(|(name, _)| {
                name.to_str().is_some_and(|name| names.iter().any(|wanted| wanted == name))
            }));
        }
    }
    command.envs(&env.vars);
}

fn log_output(worker: &str, child: &mut Child) {
    if let Some(output) = child.stdout.take() {
        tokio::spawn(log_lines(worker.to_owned(), output));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(log_lines(worker.to_owned(), output));
    }
}

/// Logs what a container prints, line by line; a line without end is cut.
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

/// Ends a container: closes its standard input, then kills it if that does not help.
async fn end(worker: &str, mut child: Child, leash: Option<ChildStdin>) {
    drop(leash);
    if timeout(END_TIMEOUT, child.wait()).await.is_err() {
        tracing::warn!("container {worker} does not end and is killed");
        if let Err(error) = child.kill().await {
            tracing::warn!("container {worker} can't be killed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use cloverleaf_config::settings::Worker;
    use cloverleaf_config::{ProcessEnvironment, load_for};

    use super::{Launch, supervise};
    use crate::shutdown::switch;

    /// A container whose process prints without end, and a signal file that it makes first.
    const SCRIPT: &str = "#!/bin/sh\ntouch \"$0.started\"\nexec yes\n";

    const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "container", "id": "chatty",
      "components": [{"type": "class", "classname": "a.B", "realm": "realm1",
        "transport": {"type": "rawsocket", "serializer": "json",
                      "endpoint": {"type": "unix", "path": "router.sock"}}}]}]}"#;

    #[test]
    fn a_container_that_prints_without_end_leaves_others_their_turn_and_can_be_ended() {
        let name = format!("cloverleaf-chatty-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let [config, program] = ["config.json", "program"].map(|name| directory.join(name));
        std::fs::write(&config, CONFIG).expect("a file");
        std::fs::write(&program, SCRIPT).expect("a file");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("a mode");
        let settings = load_for(&config, &directory, &ProcessEnvironment).expect("valid").settings;
        let Some(Worker::Container(worker)) = settings.workers.into_iter().next() else {
            panic!("no container")
        };
        let launch =
            Launch { program, config, directory: directory.clone(), log_level: "info".to_owned() };

        let runtime = crate::threads::runtime().expect("a runtime");
        runtime.block_on(async {
            let (_node_switch, node_ending) = switch();
            let (end_switch, ending) = switch();
            let supervising = tokio::spawn(supervise(worker, launch, node_ending, ending));
            while !directory.join("program.started").exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Each of these needs a turn of the runtime, while there is always another line.
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            end_switch.end();
            supervising.await.expect("no panic");
        });
        std::fs::remove_dir_all(directory).expect("a directory");
    }
}
