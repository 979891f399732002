//! The load generator for WAMP; see `cloverleaf_bench::load`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloverleaf_bench::load::command::main()
}
