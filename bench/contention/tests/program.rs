//! Runs the program briefly, as `make bench-contention` does, and checks its output but no speed.

use std::process::{Command, Output};

use serde_json::Value;

fn run(options: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cloverleaf-contention"));
    program.args(options.split_whitespace()).output().expect("the program runs")
}

const SHORT: &str = "--realms 1,2 --sessions 40 --milliseconds 100 --router-cpu 5";

#[test]
fn json_has_a_rate_for_every_cell() {
    let output = run(&format!("--json --threads 4 {SHORT}"));
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let cells = report["cells"].as_array().expect("a list");
    let names: Vec<_> = cells
        .iter()
        .map(|cell| format!("{} {} {}", cell["work"], cell["realms"], cell["threads"]))
        .collect();
    let expected: Vec<_> = ["\"calls\"", "\"publications\""]
        .iter()
        .flat_map(|work| ["1 1", "1 2", "1 4", "2 1", "2 2", "2 4"].map(|n| format!("{work} {n}")))
        .collect();
    assert_eq!(names, expected);
    assert!(cells.iter().all(|cell| cell["rate"].as_f64() > Some(0.0)), "{report}");
}

#[test]
fn tables_list_calls_publications_crossings_and_predictions() {
    let output = run(&format!("--threads 1 {SHORT}"));
    let text = String::from_utf8(output.stdout).expect("a text");
    let lines = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).count();
    // One thread: two numbers of realms, and predictions with and without sockets.
    let found = (lines("| calls |"), lines("| publications |"), lines("| 100 |"));
    assert_eq!(found, (2 + 2, 2 + 1, 2), "{text}");
}

#[test]
fn too_few_sessions_for_the_threads_are_refused_with_a_sentence() {
    let output = run("--threads 8 --sessions 79");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "8 threads need at least one realm and 80 sessions in each: say so with --realms and \
         --sessions, or take fewer --threads\n"
    );
}
