//! The command line of `cloverleaf-bench`. The modes are run by [`super::modes`].

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::modes;
use super::options::{ChurnOptions, FanoutOptions, IdleOptions, RpcOptions, StormOptions};
use super::report::LoadReport;

/// Loads a WAMP router and measures it.
///
/// All sessions run on one thread of this program. It needs a realm in which anonymous sessions may
/// register, call, subscribe and publish.
///
/// The last line of the standard output is JSON: rate, latencies, errors, losses, CPU time. The
/// status is 1 if an answer was an error, wrong, out of order or lost. Meanwhile the standard error
/// shows figures, if it is a terminal.
///
/// A URL is ws://HOST:PORT/PATH for WebSocket, rs://HOST:PORT or unix:PATH for RawSocket.
#[derive(Debug, Parser)]
#[command(name = "cloverleaf-bench", version)]
struct BenchCommand {
    #[command(subcommand)]
    mode: LoadMode,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
enum LoadMode {
    /// Calls: each caller keeps some in flight, and callees answer with the same arguments.
    ///
    /// The latency is that of a call, from CALL to RESULT.
    Rpc(RpcOptions),
    /// Publications: each subscriber must receive each event once and in order.
    ///
    /// Counts events: one for each subscriber of a publication. The latency is that of an event,
    /// from PUBLISH to EVENT, and grows with the window.
    Fanout(FanoutOptions),
    /// Joins: clients connect and join as fast as they can, and the oldest disconnect.
    ///
    /// The latency is that of a join, from connecting to WELCOME.
    Storm(StormOptions),
    /// Idle sessions: memory for each of them, and after they have ended.
    ///
    /// The latency is that of a join. --seconds is how long they are idle.
    Idle(IdleOptions),
    /// Registrations and subscriptions that are made and removed while calls are in flight.
    ///
    /// The latency is that of a request: register, unregister, subscribe or unsubscribe.
    Churn(ChurnOptions),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = BenchCommand::parse();
    raise_limit_of_files();
    let outcome = match &cli.mode {
        LoadMode::Rpc(args) => modes::rpc(args),
        LoadMode::Fanout(args) => modes::fanout(args),
        LoadMode::Storm(args) => modes::storm(args),
        LoadMode::Idle(args) => modes::idle(args),
        LoadMode::Churn(args) => modes::churn(args),
    };
    let outcome = outcome.map_err(|error| error.to_string()).and_then(|report| {
        print_line(&report, &cli.mode).map(|()| report.is_good()).map_err(|error| error.to_string())
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("cloverleaf-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the line of JSON: the report and its options.
fn print_line(report: &LoadReport, options: &LoadMode) -> serde_json::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        report: &'a LoadReport,
        options: &'a LoadMode,
    }
    println!("{}", serde_json::to_string(&Line { report, options })?);
    Ok(())
}

/// Ten thousand sessions need ten thousand open files.
fn raise_limit_of_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If the limit stays, opening a session fails with the reason.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
