//! The command line, with Crossbar.io's habits where it has the same commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum as _};
use cloverleaf_config::settings::{ContainerWorker, Worker};
use cloverleaf_config::{Faults, Loaded, ProcessEnvironment, Warning, find, load_for};
use serde_json::json;

use cloverleaf_hosting::supervisor::Launch;
use cloverleaf_hosting::{ComponentError, Components, container};

use crate::assemble::containers;
use crate::descriptors;
use crate::error::ApplyError;
use crate::log::{self, Colour, LogFormat, LogLevel};
use crate::node::NodeOptions;
use crate::program::Program;
use crate::run::{self, Ended};
use crate::signals::SignalsWithoutEffect;
use crate::threads;
use crate::tuning::Tuning;

mod default_node;

use default_node::DefaultNode;

/// The version, with the commit where it is known.
const VERSION: &str = env!("CLOVERLEAF_VERSION");

/// How long the end of the node waits for file operations of its static file services. One that
/// hangs, on a file system that does not answer, does not keep the process.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(1);

/// Cloverleaf, a WAMP router with a first-class HTTP bridge.
///
/// Started without a configuration it serves realm 'realm1' on 127.0.0.1:8080: a page at /,
/// WebSocket at /ws, calls at /call, publications at /publish. `start --port` takes another port.
#[derive(Debug, Parser)]
#[command(version = VERSION, display_name = "Cloverleaf", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a node and run it until SIGINT or SIGTERM.
    Start(Start),
    /// Report all faults of a configuration, each with its place.
    Check(Location),
    /// Say which version this is.
    Version,
    /// Run the components of one container; started by the node itself.
    #[command(hide = true)]
    Container(Container),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct Location {
    /// The node directory: it, or the folder .crossbar in it, holds config.yaml or config.json.
    #[arg(long, value_name = "DIR", env = "CROSSBAR_DIR")]
    cbdir: Option<PathBuf>,
    /// The configuration file; relative names count from the node directory if one is given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Start {
    #[command(flatten)]
    location: Location,
    /// How much is logged.
    #[arg(long, value_enum, default_value = "info", env = "CLOVERLEAF_LOGLEVEL")]
    loglevel: LogLevel,
    /// How a line of the log looks.
    #[arg(long, value_enum, default_value = "standard")]
    logformat: LogFormat,
    /// Whether the log is coloured.
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
    #[command(flatten)]
    default_node: DefaultNode,
    #[command(flatten)]
    tuning: Tuning,
}

#[derive(Debug, Args)]
struct Container {
    #[command(flatten)]
    location: Location,
    /// The id of the worker.
    #[arg(long)]
    worker: String,
    /// How much is logged.
    #[arg(long, value_enum, default_value = "info")]
    loglevel: LogLevel,
}

/// Runs the command line with these components. A program that embeds the node ends with this.
pub fn main(components: Components) -> ExitCode {
    let cli = Cli::from_arg_matches(&command_line().get_matches()).unwrap_or_else(|e| e.exit());
    match cli.command {
        Command::Start(start) => run_node(&start, components),
        Command::Check(location) => check(&location, &components),
        Command::Version => {
            println(&format!("Cloverleaf {VERSION}"));
            ExitCode::SUCCESS
        }
        Command::Container(container) => run_container(&container, &components),
    }
}

/// The command line. An environment variable that is empty counts as one that is not set.
fn command_line() -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    Cli::command().mut_subcommands(|command| {
        command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg })
    })
}

/// The file of a configuration, and the directory that its relative paths refer to.
#[derive(Debug)]
struct FoundConfig {
    file: PathBuf,
    directory: PathBuf,
}

impl Location {
    /// The file that is named, or the one that is found in the node directory.
    fn find(&self) -> Result<Option<FoundConfig>, String> {
        let directory = self.cbdir.as_deref();
        match (&self.config, directory) {
            (Some(file), Some(directory)) => {
                let inside = directory.join(file);
                let file = if inside.is_file() { inside } else { file.clone() };
                Ok(Some(FoundConfig { file, directory: directory.to_owned() }))
            }
            (Some(file), None) => {
                Ok(Some(FoundConfig { file: file.clone(), directory: directory_of(file) }))
            }
            (None, Some(directory)) => match found_in(directory) {
                Some(found) => Ok(Some(found)),
                None => Err(format!(
                    "there is no config.yaml and no config.json in {} or its folder .crossbar",
                    directory.display()
                )),
            },
            (None, None) => Ok(found_in(Path::new("."))),
        }
    }
}

fn found_in(directory: &Path) -> Option<FoundConfig> {
    let file = find(directory)?;
    let directory = directory_of(&file);
    Some(FoundConfig { file, directory })
}

/// The directory of a file; `.` for a bare name, whose parent is the empty path.
fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Reads a configuration as this program understands it. `check` and `start` do the same.
fn load(found: &FoundConfig, components: &Components) -> Result<Loaded, Faults> {
    load_for(&found.file, &found.directory, &Program::with(components))
}

fn run_node(start: &Start, mut components: Components) -> ExitCode {
    let _log = match log::start(start.loglevel, start.logformat, start.color) {
        Ok(log) => log,
        Err(error) => return failure(&format!("the log can't be started: {error}")),
    };
    let found = match start.location.find() {
        Ok(found) => found,
        Err(message) => return failure(&message),
    };
    if let (Some(found), Some(option)) = (&found, start.default_node.given()) {
        return failure(&format!(
            "{option} is for the node without configuration; {} says where this one listens",
            found.file.display()
        ));
    }
    let (settings, launch) = match &found {
        Some(found) => match load(found, &components) {
            Ok(Loaded { settings, warnings }) => {
                tracing::info!(file = %found.file.display(), "configuration loaded");
                log_warnings(&warnings);
                (settings, launch(found, start.loglevel))
            }
            Err(faults) => {
                log_warnings(&faults.warnings);
                return failure(&faults.to_string());
            }
        },
        None => match start.default_node.settings() {
            Ok(settings) => {
                components = components.with_first_call("wamp.session.count", json!([]));
                (settings, None)
            }
            Err(message) => return failure(&message),
        },
    };
    descriptors::raise_limit();
    let tuning = start.tuning;
    let options = NodeOptions { components, launch, tuning };
    let runtime = match threads::routing_runtime(tuning.spin()) {
        Ok(runtime) => runtime,
        Err(error) => return failure(&ApplyError::from(error).to_string()),
    };
    let outcome = runtime.block_on(run::run(settings, options));
    if let Ok(Ended::AtOnce(signal)) = outcome {
        // Dropping it would wait for event stores to be written.
        std::mem::forget(runtime);
        return signal.exit_code();
    }
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failure(&error.to_string()),
    }
}

/// How this program starts itself for containers.
fn launch(found: &FoundConfig, level: LogLevel) -> Option<Launch> {
    let program = std::env::current_exe().ok()?;
    let log_level = level.to_possible_value()?.get_name().to_owned();
    // A relative path would count from the node directory.
    let config = std::path::absolute(&found.file).ok()?;
    let directory = found.directory.clone();
    Some(Launch { program, config, directory, log_level })
}

fn check(location: &Location, components: &Components) -> ExitCode {
    let found = match location.find() {
        Ok(Some(found)) => found,
        Ok(None) => return failure("there is no config.yaml and no config.json here to check"),
        Err(message) => return failure(&message),
    };
    match load(&found, components) {
        Ok(loaded) => {
            print_warnings(&loaded.warnings);
            println("Ok, node configuration looks good!");
            ExitCode::SUCCESS
        }
        Err(faults) => {
            print_warnings(&faults.warnings);
            failure(&faults.to_string())
        }
    }
}

fn print_warnings(warnings: &[Warning]) {
    for warning in warnings {
        println(&format!("warning: {warning}"));
    }
}

fn log_warnings(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!(location = %warning.location, reason = %warning.message, "configuration warning");
    }
}

fn run_container(container: &Container, components: &Components) -> ExitCode {
    let _log = match log::start(container.loglevel, LogFormat::None, Colour::False) {
        Ok(log) => log,
        Err(error) => return failure(&format!("the log can't be started: {error}")),
    };
    let loaded = match container.location.find() {
        // The rest of the node, which runs already, is not looked at again.
        Ok(Some(found)) => load_for(&found.file, &found.directory, &ProcessEnvironment)
            .map_err(|faults| faults.to_string()),
        Ok(None) => Err("a container needs a configuration".to_owned()),
        Err(message) => Err(message),
    };
    let settings = match loaded {
        Ok(loaded) => loaded.settings,
        Err(message) => return failure(&message),
    };
    let worker = settings.workers.into_iter().find_map(|worker| match worker {
        Worker::Container(worker) if worker.id == container.worker => Some(worker),
        _ => None,
    });
    let Some(worker) = worker else {
        return failure(&format!("the configuration has no container '{}'", container.worker));
    };
    let outcome = threads::runtime()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run_components(worker, components)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error.to_string()),
    }
}

async fn run_components(
    worker: ContainerWorker,
    components: &Components,
) -> Result<(), ComponentError> {
    let remote = worker.components.into_iter().map(containers::component);
    let remote = remote.collect::<Result<Vec<_>, _>>()?;
    let signals = SignalsWithoutEffect::watch()?.log();
    let shutdown = containers::shutdown(worker.options.shutdown);
    container::run(remote, shutdown, components, signals).await
}

/// Prints an error and returns the exit code of a failure.
fn failure(message: &str) -> ExitCode {
    log::print(message);
    ExitCode::FAILURE
}

fn println(message: &str) {
    use std::io::Write as _;
    // A reader that has gone away has read enough.
    let _ = writeln!(std::io::stdout(), "{message}");
}
