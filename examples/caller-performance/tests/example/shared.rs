//! `config_multi_worker.json`: four containers share one procedure.

use std::collections::BTreeSet;

use serde_json::json;

use crate::example::{Example, call, call_with};
use crate::lab::process::send_signal;
use crate::lab::wait_for;

const PROCEDURE: &str = "com.example.add2";

/// The name of the container that has written a log line.
fn worker(line: &str) -> String {
    let name = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    name.unwrap_or_else(|| panic!("no container has logged '{line}'")).0.to_owned()
}

/// Calls until each of the four containers has answered. Errors are ignored until then.
fn wait_until_all_answer(example: &Example) {
    let mut http = example.http();
    wait_for("all four containers", || {
        call(&mut http, PROCEDURE, &json!({"verbose": true}));
        let lines = example.calls_of(PROCEDURE);
        let workers: BTreeSet<String> = lines.iter().map(|line| worker(line)).collect();
        (workers.len() == 4).then_some(())
    });
}

#[test]
fn sequential_calls_are_distributed_round_robin() {
    let mut example = Example::start("config_multi_worker.json");
    wait_until_all_answer(&example);
    assert_eq!(example.wait_for_lines("add_shared.AppSession has joined 'realm1'", 4).len(), 4);
    assert_eq!(example.containers().len(), 4);

    let mut http = example.http();
    let callees: Vec<String> = (1..=8)
        .map(|number| {
            let answer = call_with(&mut http, PROCEDURE, [number, 1_000], &json!({}));
            assert_eq!(answer, json!({"args": [number + 1_000]}));
            worker(&example.wait_for_line(&format!("{PROCEDURE}({number}, 1000)")))
        })
        .collect();
    assert_eq!(callees[..4], callees[4..], "round robin");
    assert_eq!(callees.iter().collect::<BTreeSet<_>>().len(), 4, "{callees:?}");
    assert_eq!(example.end("INT"), Some(0), "{example:?}");
}

#[test]
fn the_other_containers_answer_when_one_of_four_dies() {
    let example = Example::start("config_multi_worker.json");
    wait_until_all_answer(&example);
    let victim = example.container("worker003").expect("a container");
    send_signal("KILL", i64::from(victim));
    example.wait_for_line("container worker003 has ended: signal: 9 (SIGKILL)");
    let mut http = example.http();
    for _ in 0..8 {
        assert_eq!(call(&mut http, PROCEDURE, &json!({})), json!({"args": [16]}));
    }
}
