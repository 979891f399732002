//! Containers as processes: restarts, signals, and the end of the node.

use serde_json::{Value, json};

use crate::example::{Example, PROCEDURES, call, is_alive};
use crate::lab::process::send_signal;
use crate::lab::{Peer as _, wait_for};

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
fn calls_to_a_dead_container_end_at_once_and_work_after_its_restart() {
    let example = Example::with_four_procedures();
    let process = example.container(WORKER).expect("a container");
    let mut session = example.session();
    // The stopped container receives calls and does not answer them. SUBSCRIBED shows that the CALL
    // before it has been routed.
    send_signal("STOP", i64::from(process));
    session.send(&format!(r#"[48,1,{{}},"{PROCEDURE}",[2,3]]"#));
    assert!(session.ask(r#"[32,2,{},"com.example.topic"]"#).starts_with("[33,2,"));
    // A container that starts now finds an empty configuration.
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
    example.wait_for_line(&format!("container {WORKER} has ended: signal: 9 (SIGKILL)"));
    example.wait_for_line(&format!("container {WORKER} has ended: exit status: 1"));
    assert_eq!(call(&mut http, PROCEDURE, &json!({})), no_such_procedure());
    example.rewrite(&configuration);
    example.wait_for_procedure(PROCEDURE);
    let restarted = example.container(WORKER).expect("a container");
    assert_ne!(restarted, process);
}

#[test]
fn containers_start_with_any_path_of_the_configuration() {
    for (path, options) in [("config.json", &[][..]), ("-node/config.json", &["--cbdir=-node"])] {
        let example = Example::at(path, options);
        for (procedure, _) in PROCEDURES {
            example.wait_for_procedure(procedure);
        }
        assert!(example.lines_with("is started again").is_empty(), "{example:?}");
    }
}

#[test]
fn repeated_deaths_increase_the_restart_delay() {
    let example = Example::with_four_procedures();
    let mut process = example.container(WORKER).expect("a container");
    for delay in ["200ms", "400ms", "800ms"] {
        kill(process);
        example.wait_for_line(&format!("container {WORKER} is started again in {delay}"));
        process = wait_for("the next process", || {
            example.container(WORKER).filter(|next| *next != process)
        });
    }
    example.wait_for_procedure(PROCEDURE);
}

#[test]
fn a_node_that_ends_leaves_no_container_process() {
    for signal in ["TERM", "INT"] {
        let mut example = Example::with_four_procedures();
        let containers = example.containers();
        assert_eq!(containers.len(), 3);
        assert_eq!(example.end(signal), Some(0), "{example:?}");
        assert!(!containers.into_iter().any(is_alive), "after SIG{signal}");
    }
}

#[test]
fn containers_end_when_the_node_is_killed() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    assert_eq!(containers.len(), 3);
    assert_eq!(example.end("KILL"), None);
    for container in containers {
        wait_for("the end of a container", || (!is_alive(container)).then_some(()));
    }
}

#[test]
fn a_hanging_container_is_killed_when_the_node_ends() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    let process = example.container(WORKER).expect("a container");
    send_signal("STOP", i64::from(process));
    assert_eq!(example.end("TERM"), Some(0), "{example:?}");
    example.wait_for_line(&format!("container {WORKER} does not end and is killed"));
    assert!(!containers.into_iter().any(is_alive));
}

/// The terminal sends the signal to all processes of the node's process group.
#[test]
fn containers_finish_calls_in_flight_after_an_interrupt_from_the_terminal() {
    let mut example = Example::with_four_procedures();
    let process = example.container(WORKER).expect("a container");
    let mut session = example.session();
    send_signal("STOP", i64::from(process));
    session.send(&format!(r#"[48,1,{{}},"{PROCEDURE}",[2,3]]"#));
    assert!(session.ask(r#"[32,2,{},"com.example.topic"]"#).starts_with("[33,2,"));
    send_signal("INT", -i64::from(example.id()));
    example.wait_for_line("SIGINT: the node ends");
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
fn a_node_that_quits_at_once_leaves_no_container_process() {
    let mut example = Example::with_four_procedures();
    let containers = example.containers();
    assert_eq!(containers.len(), 3);
    assert_eq!(example.end("QUIT"), Some(128 + 3), "{example:?}");
    for container in containers {
        wait_for("the end of a container", || (!is_alive(container)).then_some(()));
    }
}

#[test]
fn a_node_that_ends_logs_no_lost_connection() {
    for signal in ["TERM", "INT"] {
        let mut example = Example::with_four_procedures();
        // A session that does not answer GOODBYE prolongs the shutdown.
        let _silent = example.session();
        send_signal(signal, -i64::from(example.id()));
        assert_eq!(example.exit_code(), Some(0), "{example:?}");
        let log = example.log();
        let end = log.split_once("the node ends").expect("the end").1;
        for word in ["lost", "reconnect", "container", "worker"] {
            assert!(!end.contains(word), "'{word}' after SIG{signal} in {log}");
        }
    }
}
