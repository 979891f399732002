//! The command line, with Crossbar.io's habits where it has the same commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum as _};
use cloverleaf_config::settings::Worker;
use cloverleaf_config::{Faults, Loaded, ProcessEnvironment, Settings, find, load_for};

use crate::components::Components;
use crate::container::process;
use crate::container::supervisor::Launch;
use crate::descriptors;
use crate::log::{self, Colour, LogFormat, LogLevel};
use crate::start::{self, Run};
use crate::threads;
use crate::tuning::Tuning;

/// Cloverleaf, a WAMP router with a first-class HTTP bridge.
///
/// Started without a configuration it serves realm 'realm1' on 127.0.0.1:8080: WebSocket at /ws,
/// calls at /call, publications at /publish.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
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
    match Cli::parse().command {
        Command::Start(start) => run_node(&start, components),
        Command::Check(location) => check(&location),
        Command::Version => {
            println(concat!("Cloverleaf ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Command::Container(container) => run_container(&container, &components),
    }
}

/// Where a configuration is and what relative paths in it count from.
#[derive(Debug)]
struct Found {
    file: PathBuf,
    directory: PathBuf,
}

impl Location {
    /// The file that is named, or the one that is found in the node directory.
    fn find(&self) -> Result<Option<Found>, String> {
        let directory = self.cbdir.as_deref();
        match (&self.config, directory) {
            (Some(file), Some(directory)) => {
                let inside = directory.join(file);
                let file = if inside.is_file() { inside } else { file.clone() };
                Ok(Some(Found { file, directory: directory.to_owned() }))
            }
            (Some(file), None) => {
                let directory = file.parent().unwrap_or_else(|| Path::new(""));
                Ok(Some(Found { file: file.clone(), directory: directory.to_owned() }))
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

fn found_in(directory: &Path) -> Option<Found> {
    let file = find(directory)?;
    let directory = file.parent().unwrap_or(directory).to_owned();
    Some(Found { file, directory })
}

fn load(found: &Found) -> Result<Loaded, Faults> {
    load_for(&found.file, &found.directory, &ProcessEnvironment)
}

fn run_node(start: &Start, components: Components) -> ExitCode {
    log::start(start.loglevel, start.logformat, start.color);
    let found = match start.location.find() {
        Ok(found) => found,
        Err(message) => return failure(&message),
    };
    let (settings, launch) = match &found {
        Some(found) => match load(found) {
            Ok(Loaded { settings, warnings }) => {
                tracing::info!("configuration: {}", found.file.display());
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                (settings, launch(found, start.loglevel))
            }
            Err(faults) => return failure(&faults.to_string()),
        },
        None => {
            tracing::info!(
                "no configuration is given and none is here (config.yaml, config.json): \
                 this is the default node. Realm 'realm1' is open to everybody on this machine"
            );
            tracing::info!(
                "try: curl -H 'content-type: application/json' -d \
                 '{{\"topic\":\"com.example.hello\",\"args\":[\"world\"]}}' \
                 http://127.0.0.1:8080/publish"
            );
            (Settings::default_node(Path::new(".")), None)
        }
    };
    descriptors::raise_limit();
    let tuning = start.tuning;
    let run = Run { settings, components, launch, tuning };
    let outcome = threads::routing_runtime(tuning.spin())
        .map_err(start::StartError::from)
        .and_then(|runtime| runtime.block_on(start::run(run)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error.to_string()),
    }
}

/// How this program starts itself for containers.
fn launch(found: &Found, level: LogLevel) -> Option<Launch> {
    let program = std::env::current_exe().ok()?;
    let log_level = level.to_possible_value()?.get_name().to_owned();
    let (config, directory) = (found.file.clone(), found.directory.clone());
    Some(Launch { program, config, directory, log_level })
}

fn check(location: &Location) -> ExitCode {
    let found = match location.find() {
        Ok(Some(found)) => found,
        Ok(None) => return failure("there is no config.yaml and no config.json here to check"),
        Err(message) => return failure(&message),
    };
    match load(&found) {
        Ok(loaded) => {
            for warning in loaded.warnings {
                println(&format!("warning: {warning}"));
            }
            println("Ok, node configuration looks good!");
            ExitCode::SUCCESS
        }
        Err(faults) => failure(&faults.to_string()),
    }
}

fn run_container(container: &Container, components: &Components) -> ExitCode {
    log::start(container.loglevel, LogFormat::None, Colour::False);
    let loaded = match container.location.find() {
        Ok(Some(found)) => load(&found).map_err(|faults| faults.to_string()),
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
        .and_then(|runtime| runtime.block_on(process::run(worker, components)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error.to_string()),
    }
}

/// Says on standard error why it does not go on.
fn failure(message: &str) -> ExitCode {
    use std::io::Write as _;
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}

fn println(message: &str) {
    use std::io::Write as _;
    // A reader that has gone away has read enough.
    let _ = writeln!(std::io::stdout(), "{message}");
}
