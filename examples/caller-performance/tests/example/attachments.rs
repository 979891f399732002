//! `config.json`: one procedure on each kind of attachment.

use serde_json::json;

use crate::example::{Example, PROCEDURES, PROGRAM, call, call_with, configurations};
use crate::support::{TempDirectory, post_request, run};

#[test]
fn both_configurations_are_good_as_they_are() {
    // The older form of the second one is pointed out.
    for (file, warnings) in [("config.json", 0), ("config_multi_worker.json", 2)] {
        let path = configurations().join(file);
        let args = ["check".as_ref(), "--config".as_ref(), path.as_os_str()];
        let outcome = run(PROGRAM, &TempDirectory::new(), &args);
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(lines.last(), Some(&"Ok, node configuration looks good!"), "{outcome:?}");
        let warned = lines.iter().filter(|line| line.starts_with("warning: ")).count();
        assert_eq!(warned, warnings, "{outcome:?}");
    }
}

#[test]
fn each_procedure_is_answered_and_logs_its_loud_calls() {
    let mut example = Example::with_four_procedures();
    let mut http = example.http();
    for (procedure, result) in PROCEDURES {
        let before = example.calls_of(procedure).len();
        assert_eq!(before, 0, "quiet calls are not logged: {example:?}");
        for (kwargs, logged) in [
            (json!({"verbose": false}), 0),
            (json!({"verbose": true}), 1),
            (json!({}), 2),
            (json!({"verbose": false}), 2),
        ] {
            assert_eq!(call(&mut http, procedure, &kwargs), json!({"args": [result]}));
            example.wait_for_lines(&format!("{procedure}("), logged);
        }
        assert_eq!(example.calls_of(procedure).len(), 2, "{example:?}");
    }
    assert_eq!(example.stop("TERM"), Some(0), "{example:?}");
}

#[test]
fn of_quiet_calls_every_ten_thousandth_is_logged() {
    const AT_ONCE: usize = 100;
    let example = Example::with_four_procedures();
    let mut http = example.http();
    let body = json!({"procedure": PROCEDURES[0].0, "args": [13, 3], "kwargs": {"verbose": false}});
    let requests = post_request("/call", &body.to_string()).repeat(AT_ONCE);
    // Some calls were made already, to see whether all procedures are there.
    for _ in 0..10_000 / AT_ONCE {
        http.send(&requests);
        for _ in 0..AT_ONCE {
            assert_eq!(http.receive().text(), r#"{"args":[16]}"#);
        }
    }
    example.wait_for_line("com.example.add2: 10000 calls so far");
    assert_eq!(example.lines_with("calls so far").len(), 1, "{example:?}");
}

#[test]
fn what_a_component_prints_is_logged_under_the_name_of_its_container() {
    let example = Example::with_four_procedures();
    let mut http = example.http();
    for ((procedure, result), worker) in
        PROCEDURES.into_iter().zip(["", "[worker002] ", "[worker003] ", "[worker004] "])
    {
        call(&mut http, procedure, &json!({}));
        let line = example.wait_for_line(&format!("{procedure}("));
        let expected = format!("{worker}{procedure}(13, 3) = {result}, call ");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn numbers_that_have_no_result_are_an_error_of_the_procedure() {
    let example = Example::with_four_procedures();
    let mut http = example.http();
    for (procedure, args) in [
        ("com.example.add2", [i64::MAX, 1]),
        ("com.example.sub2", [i64::MIN, 1]),
        ("com.example.mul2", [i64::MAX, 2]),
        ("com.example.div2", [1, 0]),
    ] {
        let answer = call_with(&mut http, procedure, args, &json!({}));
        let error = "wamp.error.invalid_argument";
        let expected = json!({"error": error, "args": ["there is no such number"], "kwargs": {}});
        assert_eq!(answer, expected, "{procedure}");
    }
}

#[test]
fn the_page_beside_the_procedures_is_served() {
    let example = Example::start("config.json");
    assert_eq!(example.http().get("/").text(), "the page");
}

#[test]
fn a_call_is_shown_that_can_be_pasted() {
    let example = Example::start("config.json");
    let line = example.wait_for_line("try: ");
    let [address] = example.addresses("web")[..] else { panic!("{example:?}") };
    let command = "try: curl -H 'content-type: application/json' -d '";
    let url = format!("' http://127.0.0.1:{}/call", address.port());
    let body = line.strip_prefix(command).and_then(|line| line.strip_suffix(&url));
    let body = body.unwrap_or_else(|| panic!("{line}"));
    assert_eq!(example.http().post("/call", body).text(), r#"{"args":[5]}"#);
}
