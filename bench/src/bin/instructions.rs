//! Does one piece of the router's work so many times, to be counted by callgrind; see
//! `bench/instructions.py`.
//!
//! `instructions list` · `instructions run CASE ROUNDS`

use std::env;
use std::process::ExitCode;

use cloverleaf_bench::instructions::cases;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["list"] => cases().keys().for_each(|name| println!("{name}")),
        ["run", name, rounds] => match (cases().get(name), rounds.parse()) {
            (Some(case), Ok(rounds @ 1..)) => case(rounds),
            _ => return refuse("there is no such case (see `instructions list`) or number"),
        },
        _ => return refuse("usage: instructions list, or instructions run CASE ROUNDS"),
    }
    ExitCode::SUCCESS
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}
