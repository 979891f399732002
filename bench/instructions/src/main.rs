//! Repeats one piece of the router's work, to be counted by callgrind. `bench/instructions.py` runs
//! it.
//!
//! `cloverleaf-instructions list` · `cloverleaf-instructions run CASE ROUNDS`

use std::env;
use std::process::ExitCode;

use cloverleaf_instructions::cases;

const USAGE: &str = "usage: cloverleaf-instructions list\n       \
                     cloverleaf-instructions run CASE ROUNDS";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["list"] => cases().keys().for_each(|name| println!("{name}")),
        ["run", name, rounds] => match (cases().get(name), rounds.parse()) {
            (Some(case), Ok(rounds @ 1..)) => case(rounds),
            _ => return refuse("there is no such case (`list` names them), or no such number"),
        },
        _ => return refuse(USAGE),
    }
    ExitCode::SUCCESS
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}
