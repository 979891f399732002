//! `cargo xtask`: checks of the workspace that the compiler does not make.
//!
//! Not for building or running anything: that is the Makefile's task.

mod arch;
mod lines;
mod metadata;
mod modules;
mod names;
mod rules;
mod sizes;
mod sources;
mod spec;
mod syntax;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask arch                 check the arrows between packages and between files
           --cycles                     list the arrows within each cycle of files
           --table                      print the floors and cycles of the present tree as Rust
       cargo xtask sizes                check the lengths of functions and files
           --table                      print the exceptions that the present tree needs
       cargo xtask names                check that a type name has one definition
           --list                       list the names that have several
       cargo xtask lines                check the lengths of lines that no formatter breaks
       cargo xtask spec-coverage        list the sections of the specification with their citations
           --counts                     only count them
           --markdown                   as a page in Markdown
           --specification <checkout>   compare the list of sections with the specification";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let faults = match arguments[..] {
        ["arch"] => check_arrows(),
        ["arch", "--cycles"] => targets().map(|targets| print(&arch::cycles(&targets))),
        ["arch", "--table"] => targets().map(|targets| print(&arch::table(&targets))),
        ["sizes"] => sizes::faults(),
        ["sizes", "--table"] => sizes::table().map(|table| print(&table)),
        ["names"] => definitions().map(|definitions| names::faults(&definitions)),
        ["names", "--list"] => definitions().map(|found| print(&names::list(&found))),
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

fn targets() -> Result<Vec<workspace::BuildTarget>, String> {
    workspace::targets(&metadata::load()?)
}

fn definitions() -> Result<names::Definitions, String> {
    Ok(names::definitions(&targets()?))
}

/// Prints a text; there are no faults in it.
fn print(text: &str) -> Vec<String> {
    print!("{text}");
    Vec::new()
}

fn check_arrows() -> Result<Vec<String>, String> {
    let workspace = metadata::load()?;
    let targets = workspace::targets(&workspace)?;
    let faults = arch::faults(&workspace, &targets);
    if faults.is_empty() {
        let files: usize = targets.iter().map(|target| target.tree.files.len()).sum();
        let packages = workspace.members().count();
        println!("arch: {packages} packages, {files} files, every arrow allowed");
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
