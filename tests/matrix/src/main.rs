//! One list of scenarios over every transport and serializer. The program is a router whose only
//! component is the test. It has a session in the process, opens the others over sockets, and
//! reports the outcome of each scenario.
//!
//! The standard input receives one line with the addresses of the router, which chooses its ports
//! itself. `tests/matrix.rs` starts the program and checks its output.
//!
//! | module | purpose |
//! |---|---|
//! | `scenarios` | the list, with a module for each subject |
//! | `stage` | the sessions and the URI of a scenario |
//! | `attachments` | the transports and serializers, and sessions over them |
//! | `longpoll` | a long-polling session |

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::Session;
use cloverleaf_node::{ComponentContext, Components};

use attachments::{Attachment, Router};
use scenarios::Scenario;
use stage::{End, Stage};

mod attachments;
mod longpoll;
mod scenarios;
mod stage;

/// Timeout of a scenario. Scenarios wait for answers, never for time to pass, so they need far
/// less.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let components = Components::new().with("matrix.Scenarios", |joined: ComponentContext| {
        // The router listens only after its components have started.
        tokio::spawn(run(joined.session));
        std::future::ready(Ok(()))
    });
    cloverleaf_node::main(components)
}

/// Runs all scenarios and prints their outcomes.
async fn run(in_process: Session) {
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    let line = line.await.expect("a line").expect("a line").expect("a line");
    let router = Arc::new(Router::at(&line, in_process));
    let mut number = 0;
    for attachment in Attachment::all() {
        let there = End::open(attachment.counterpart(), &router).await;
        let here = End::open(attachment, &router).await;
        for (name, scenario) in scenarios::all() {
            for (direction, here, there) in [("to", &here, &there), ("from", &there, &here)] {
                number += 1;
                let stage = Stage::new(&router, here, there, number);
                say(&format!(
                    "{attachment} {direction} {name}: {}",
                    outcome(scenario, stage).await
                ));
            }
        }
    }
    say("done");
}

/// The outcome of a scenario in one word. The reason of a failure is on the standard error.
async fn outcome(scenario: Scenario, stage: Stage) -> &'static str {
    match tokio::time::timeout(PATIENCE, tokio::spawn(scenario(stage))).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "failed",
        Err(_) => "hung",
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the test reads");
}
