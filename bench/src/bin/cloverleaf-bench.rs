//! The load generator on the level of WAMP; see `cloverleaf_bench::load`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloverleaf_bench::load::command::main()
}
