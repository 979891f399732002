//! Procedures for `POST /call`, attached to the router in every supported way.
//!
//! The program registers five components by their class names and runs the node. The configuration
//! (`.crossbar/config.json` or `.crossbar/config_multi_worker.json`) selects the components and the
//! processes that they run in.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloverleaf_allocator::Allocator;
use cloverleaf_client::{Args, Failure, InvokePolicy, Kwargs};
use cloverleaf_node::{ComponentContext, ComponentError, Components};
use serde::Deserialize;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Number of calls per log line of a component that does not log every call.
const QUIET_CALLS: u64 = 10_000;

/// The keyword arguments of all procedures.
#[derive(Deserialize)]
struct ExampleOptions {
    /// Whether every call is logged; otherwise every 10,000th call is.
    #[serde(default = "yes")]
    verbose: bool,
}

const fn yes() -> bool {
    true
}

/// A procedure that calculates with two numbers.
#[derive(Clone, Copy)]
struct Calculation {
    procedure: &'static str,
    policy: InvokePolicy,
    calculate: fn(i64, i64) -> Option<i64>,
}

/// Registers a calculation. It counts and logs its calls.
async fn register(
    joined: ComponentContext,
    calculation: Calculation,
) -> Result<(), ComponentError> {
    let Calculation { procedure, policy, calculate } = calculation;
    let calls = Arc::new(AtomicU64::new(0));
    let code = move |Args((a, b)): Args<(i64, i64)>, Kwargs(options): Kwargs<ExampleOptions>| {
        let count = calls.fetch_add(1, Ordering::Relaxed) + 1;
        let result = calculate(a, b);
        if options.verbose {
            let shown = result.map_or_else(|| "no number".to_owned(), |number| number.to_string());
            tracing::info!("{procedure}({a}, {b}) = {shown}, call {count}");
        } else if count.is_multiple_of(QUIET_CALLS) {
            tracing::info!("{procedure}: {count} calls so far");
        }
        let result = result.ok_or_else(|| Failure::invalid_argument("there is no such number"));
        std::future::ready(result)
    };
    joined.session.register(procedure, code).invoke(policy).await?;
    Ok(())
}

fn main() -> ExitCode {
    cloverleaf_allocator::purge_without_delay();
    let single = |procedure, calculate| {
        let policy = InvokePolicy::Single;
        let calculation = Calculation { procedure, policy, calculate };
        move |joined| register(joined, calculation)
    };
    let shared = Calculation {
        procedure: "com.example.add2",
        policy: InvokePolicy::RoundRobin,
        calculate: i64::checked_add,
    };
    cloverleaf_node::main(
        Components::new()
            .with("add.AppSession", single("com.example.add2", i64::checked_add))
            .with("sub.AppSession", single("com.example.sub2", i64::checked_sub))
            .with("mul.AppSession", single("com.example.mul2", i64::checked_mul))
            // As in the example of Crossbar.io, the fourth procedure is the modulo.
            .with("div.AppSession", single("com.example.div2", i64::checked_rem))
            .with("add_shared.AppSession", move |joined| register(joined, shared))
            .with_first_call("com.example.add2", serde_json::json!([2, 3])),
    )
}
