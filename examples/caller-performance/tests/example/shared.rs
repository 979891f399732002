//! `config_multi_worker.json`: four containers share one procedure.

use std::collections::BTreeSet;

use serde_json::json;

use crate::example::{Example, call, call_with};
use crate::support::process::send_signal;
use crate::support::wait_for;

const PROCEDURE: &str = "com.example.add2";

/// The name of the container that has logged this.
fn worker(line: &str) -> String {
    let name = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    name.unwrap_or_else(|| panic!("no container has logged '{line}'")).0.to_owned()
}

/// Calls until each of the four has answered; until then there may be errors.
fn until_all_share_it(example: &Example) {
    let mut http = example.http();
    wait_for("all four containers", || {
        call(&mut http, PROCEDURE, &json!({"verbose": true}));
        let lines = example.calls_of(PROCEDURE);
        let workers: BTreeSet<String> = lines.iter().map(|line| worker(line)).collect();
        (workers.len() == 4).then_some(())
    });
}

#[test]
fn sequential_calls_go_round_four_processes() {
    let mut example = Example::start("config_multi_worker.json");
    until_all_share_it(&example);
    assert_eq!(
        example
            .wait_for_lines(
                r#"component joined component="add_shared.AppSession" realm="realm1""#,
                4
            )
            .len(),
        4
    );
    assert_eq!(example.containers().len(), 4);

    let mut http = example.http();
    let asked: Vec<String> = (1..=8)
        .map(|number| {
            let answer = call_with(&mut http, PROCEDURE, [number, 1_000], &json!({}));
            assert_eq!(answer, json!({"args": [number + 1_000]}));
            worker(&example.wait_for_line(&format!("{PROCEDURE}({number}, 1000)")))
        })
        .collect();
    assert_eq!(asked[..4], asked[4..], "round robin");
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 4, "{asked:?}");
    assert_eq!(example.stop("INT"), Some(0), "{example:?}");
}

#[test]
fn the_others_go_on_when_one_of_four_dies() {
    let example = Example::start("config_multi_worker.json");
    until_all_share_it(&example);
    let victim = example.container("worker003").expect("a container");
    send_signal("KILL", i64::from(victim));
    example.wait_for_line(r#"container ended worker="worker003" status=signal: 9 (SIGKILL)"#);
    let mut http = example.http();
    for _ in 0..8 {
        assert_eq!(call(&mut http, PROCEDURE, &json!({})), json!({"args": [16]}));
    }
}
