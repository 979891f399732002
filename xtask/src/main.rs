//! `cargo xtask`: checks of the workspace that no compiler makes.
//!
//! Not for building or running anything: that is the Makefile's.

mod arch;
mod lines;
mod metadata;
mod rules;
mod sources;
mod spec;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask arch                 check the arrows between the crates
       cargo xtask lines                check how long the lines are that no formatter breaks
       cargo xtask spec-coverage        list the sections of the specification and who cites them
           --counts                     only count them
           --markdown                   as a page in Markdown
           --specification <checkout>   compare the list of sections with the specification";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let faults = match arguments[..] {
        ["arch"] => check_arrows(),
        ["lines"] => lines::faults(),
        ["spec-coverage"] => cover(spec::table),
        ["spec-coverage", "--counts"] => cover(spec::counts),
        ["spec-coverage", "--markdown"] => cover(spec::markdown),
        ["spec-coverage", "--specification", checkout] => compare(Path::new(checkout)),
        _ => Err(USAGE.to_owned()),
    };
    match faults {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in &faults {
                eprintln!("{}: {fault}", arguments[0]);
            }
            eprintln!("{}: {} faults", arguments[0], faults.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn check_arrows() -> Result<Vec<String>, String> {
    let workspace = metadata::load()?;
    let faults = arch::faults(&workspace);
    if faults.is_empty() {
        println!("arch: {} packages, every arrow allowed", workspace.members().count());
    }
    Ok(faults)
}

fn compare(checkout: &Path) -> Result<Vec<String>, String> {
    let differences = spec::differences(checkout)?;
    if differences.is_empty() {
        println!("spec-coverage: the list has the sections of the checkout");
    }
    Ok(differences)
}

fn cover(show: fn(&spec::Coverage) -> String) -> Result<Vec<String>, String> {
    let coverage = spec::coverage()?;
    print!("{}", show(&coverage));
    Ok(coverage.faults)
}
