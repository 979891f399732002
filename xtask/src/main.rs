//! `cargo xtask`: checks of the workspace that no compiler makes.
//!
//! Not for building or running anything: that is the Makefile's.

mod arch;
mod metadata;
mod rules;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask arch    check the arrows between the crates";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    if command.as_deref() != Some("arch") {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match metadata::load() {
        Ok(workspace) => report(&workspace),
        Err(error) => {
            eprintln!("cargo xtask arch: {error}");
            ExitCode::from(2)
        }
    }
}

fn report(workspace: &metadata::Workspace) -> ExitCode {
    let faults = arch::faults(workspace);
    if faults.is_empty() {
        println!("arch: {} packages, every arrow allowed", workspace.members().count());
        return ExitCode::SUCCESS;
    }
    for fault in &faults {
        eprintln!("arch: {fault}");
    }
    eprintln!("arch: {} faults; the table is in xtask/src/rules.rs", faults.len());
    ExitCode::FAILURE
}
