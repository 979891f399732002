//! Containers as processes: they die, come again, and end with the node.

use serde_json::{Value, json};

use crate::example::{Example, PROCEDURES, call, is_alive};
use crate::support::process::send_signal;
use crate::support::{RawPeer as _, wait_for};

/// The container of `com.example.mul2`.
const WORKER: &str = "worker003";
const PROCEDURE: &str = "com.example.mul2";

fn kill(process: u32) {
    send_signal("KILL", i64::from(process));
}

fn no_such_procedure() -> Value {
    json!({
        "error": "wamp.error.no_such_procedure",
        "args": [format!("no callee registered for procedure <{PROCEDURE}>")],
        "kwargs": {},
    })
}

#[test]
fn calls_to_a_container_that_dies_end_at_once_and_work_again_after_its_restart() {
    let example = Example::with_four_procedures();
    let process = example.container(WORKER).expect("a container");
    let mut session = example.session();
    // It takes calls and does not answer them; the answer to the second request says that the
    // first one has been routed.
    send_signal("STOP", i64::from(process));
    session.send(&format!(r#"[48,1,{{}},"{PROCEDURE}",[2,3]]"#));
    assert!(session.request(r#"[32,2,{},"com.example.topic"]"#).starts_with("[33,2,"));
    // What is started now finds no configuration.
    let configuration = example.configuration();
    example.rewrite("");
    kill(process);
    let canceled =
        r#"[8,48,1,{},"wamp.error.canceled",["callee disconnected from in-flight request"]]"#;
    assert_eq!(session.receive(), canceled);

    let mut http = example.http();
    assert_eq!(call(&mut http, PROCEDURE, &json!({})), no_such_procedure());
    for (procedure, result) in PROCEDURES.into_iter().filter(|(name, _)| *name != PROCEDURE) {
        assert_eq!(call(&mut http, procedure, &json!({})), json!({"args": [result]}));
    }
    example
        .wait_for_line(&format!(r#"container ended worker="{WORKER}" status=signal: 9 (SIGKILL)"#));
    example.wait_for_line(&format!(r#"container ended worker="{WORKER}" status=exit status: 1"#));
    assert_eq!(call(&mut http, PROCEDURE, &json!({})), no_such_procedure());
    example.rewrite(&configuration);
    example.wait_for_procedure(PROCEDURE);
    let restarted = example.container(WORKER).expect("a container");
    assert_ne!(restarted, process);
}

#[test]
fn containers_start_whatever_the_configuration_is_called_by() {
    for (path, options) in [("config.json", &[][..]), ("-node/config.json", &["--cbdir=-node"])] {
        let example = Example::at(path, options);
        for (procedure, _) in PROCEDURES {
            example.wait_for_procedure(procedure);
        }
        assert!(example.lines_with("container restarts").is_empty(), "{example:?}");
    }
}

#[test]
fn each_death_soon_after_the_last_one_makes_the_delay_grow() {
    let example = Example::with_four_procedures();
    let mut process = example.container(WORKER).expect("a container");
    for delay in ["200ms", "400ms", "800ms"] {
        kill(process);
        example.wait_for_line(&format!(r#"container restarts worker="{WORKER}" delay={delay}"#));
        process = wait_for("the next process", || {
            example.container(WORKER).filter(|next| *next != process)
        });
    }
    example.wait_for_procedure(PROCEDURE);
}

#[test]
fn a_node_that_ends_leaves_no_process() {
    for signal in ["TERM", "INT"] {
        let mut example = Example::with_four_procedures();
        let containers = example.containers();
        assert_eq!(containers.len(), 3);
        assert_eq!(example.stop(signal), Some(0), "{example:?}");
        assert!(!containers.into_iter().any(is_alive), "after SIG{signal}");
    }
}

#[test]
fn a_node_that_is_killed_takes_its_containers_along() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    assert_eq!(containers.len(), 3);
    assert_eq!(example.stop("KILL"), None);
    for container in containers {
        wait_for("the end of a container", || (!is_alive(container)).then_some(()));
    }
}

#[test]
fn a_container_that_hangs_is_killed_with_the_node() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    let process = example.container(WORKER).expect("a container");
    send_signal("STOP", i64::from(process));
    assert_eq!(example.stop("TERM"), Some(0), "{example:?}");
    example.wait_for_line(&format!(r#"container killed worker="{WORKER}""#));
    assert!(!containers.into_iter().any(is_alive));
}

/// The terminal sends the signal to the node and to whatever is in its process group.
#[test]
fn an_interrupt_from_the_terminal_lets_containers_finish_what_is_in_flight() {
    let mut example = Example::with_four_procedures();
    let process = example.container(WORKER).expect("a container");
    let mut session = example.session();
    send_signal("STOP", i64::from(process));
    session.send(&format!(r#"[48,1,{{}},"{PROCEDURE}",[2,3]]"#));
    assert!(session.request(r#"[32,2,{},"com.example.topic"]"#).starts_with("[33,2,"));
    send_signal("INT", -i64::from(example.id()));
    example.wait_for_line(r#"shutting down signal="SIGINT""#);
    send_signal("CONT", i64::from(process));
    assert_eq!(session.receive(), "[50,1,{},[6]]");
    drop(session);
    assert_eq!(example.exit_code(), Some(0), "{example:?}");
}

#[test]
fn signals_without_effect_do_not_end_a_container() {
    let example = Example::with_four_procedures();
    let process = example.container(WORKER).expect("a container");
    for (signal, text) in [
        ("HUP", "reloading the configuration is not supported yet"),
        ("USR1", "signal ignored"),
        ("USR2", "signal ignored"),
    ] {
        send_signal(signal, i64::from(process));
        example.wait_for_line(&format!(r#"[{WORKER}] {text} signal="SIG{signal}""#));
    }
    assert_eq!(example.container(WORKER), Some(process));
}

#[test]
fn a_node_that_ends_at_once_leaves_no_process() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    assert_eq!(containers.len(), 3);
    assert_eq!(example.stop("QUIT"), Some(128 + 3), "{example:?}");
    for container in containers {
        wait_for("the end of a container", || (!is_alive(container)).then_some(()));
    }
}

#[test]
fn a_node_that_ends_logs_no_lost_connection() {
    for signal in ["TERM", "INT"] {
        let mut example = Example::with_four_procedures();
        // The lines of the start, which come from other processes, are not those of the end.
        for worker in ["worker002", "worker003", "worker004"] {
            example.wait_for_line(&format!("[{worker}] component joined"));
        }
        // A session that does not answer GOODBYE makes the end last longer.
        let _silent = example.session();
        send_signal(signal, -i64::from(example.id()));
        assert_eq!(example.exit_code(), Some(0), "{example:?}");
        let log = example.log();
        let end = log.split_once("shutting down").expect("the end").1;
        for word in ["lost", "reconnect", "container", "worker"] {
            assert!(!end.contains(word), "'{word}' after SIG{signal} in {log}");
        }
    }
}
