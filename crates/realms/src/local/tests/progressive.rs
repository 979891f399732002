//! Progressive calls and progressive results.

use std::sync::Arc;
use std::thread;

use cloverleaf_client::{Args, Failure, Progress, ProgressiveArgs, Session};
use cloverleaf_wamp::features::HTTP_BRIDGE;

use super::{TestRealm, internal, realm, soon};
use crate::local::{self, LocalIdentity};
use crate::realm_host::RealmHost;

async fn count(Args((to,)): Args<(u64,)>, progress: Progress) -> Result<(u64, bool), Failure> {
    for number in 1..to {
        progress.send(number).await?;
    }
    Ok((to, progress.is_wanted()))
}

#[tokio::test]
async fn caller_gets_progressive_results() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    callee.register("com.count", count).await.expect("registered");
    let mut results = caller.call("com.count").args((4,)).receive_progress();
    let mut parts = Vec::new();
    while let Some(part) = soon(results.next()).await.expect("no failure") {
        parts.push(part.value::<u64>().expect("a number"));
    }
    let last: (u64, bool) = results.reply().await.expect("a reply").value().expect("a pair");
    assert_eq!((parts, last), (vec![1, 2, 3], (4, true)));
}

#[tokio::test]
async fn caller_that_did_not_ask_and_the_http_bridge_get_one_result() {
    let lab = TestRealm::new();
    let callee = lab.join("callee");
    callee.register("com.count", count).await.expect("registered");
    for caller in [
        lab.join("caller"),
        lab.join_as(LocalIdentity { roles: HTTP_BRIDGE, ..internal("bridge") }),
    ] {
        let reply = soon(caller.call("com.count").args((4,)).send()).await.expect("a reply");
        assert_eq!(reply.value::<(u64, bool)>().expect("a pair"), (4, false));
    }
}

/// Answers each part with its text in capitals, and at the end with the number of parts.
async fn shout(mut parts: ProgressiveArgs, progress: Progress) -> Result<u64, Failure> {
    let mut heard = 0;
    while let Some(part) = parts.next().await? {
        let (word,): (String,) = part.args()?;
        heard += 1;
        progress.send(word.to_uppercase()).await?;
    }
    Ok(heard)
}

#[tokio::test]
async fn call_and_result_are_progressive_at_once() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    callee.register("com.shout", shout).await.expect("registered");
    let (mut parts, mut results) = caller.call("com.shout").bidirectional();
    for word in ["one", "two", "three"] {
        parts.send((word,)).await.expect("sent");
        let heard = soon(results.next()).await.expect("no failure").expect("a part");
        assert_eq!(heard.value::<String>().expect("text"), word.to_uppercase());
    }
    parts.finish().await.expect("sent");
    assert_eq!(soon(results.next()).await.expect("no failure"), None);
    assert_eq!(results.reply().await.expect("a reply").value::<u64>().expect("a number"), 3);
    assert_eq!(lab.realm.calls_in_flight(), 0);
}

#[tokio::test]
async fn procedure_without_progressive_arguments_refuses_them() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    callee.register("com.count", count).await.expect("registered");
    let (parts, reply) = caller.call("com.count").args((2,)).progressive();
    let error = soon(reply).await.expect_err("refused");
    assert_eq!(error.uri(), Some("wamp.error.feature_not_supported"));
    parts.finish().await.expect_err("ended");
}

#[tokio::test]
async fn procedure_in_a_thread_learns_that_its_call_is_over() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    let (sender, ended) = tokio::sync::oneshot::channel();
    let sender = parking_lot::Mutex::new(Some(sender));
    let endless = move |progress: Progress| {
        let sender = sender.lock().take();
        thread::spawn(move || {
            while progress.try_send(1).is_ok() {
                thread::yield_now();
            }
            sender.map(|sender| sender.send(progress.is_over()))
        });
        std::future::pending::<Result<(), Failure>>()
    };
    callee.register("com.endless", endless).await.expect("registered");
    let mut results = caller.call("com.endless").receive_progress();
    soon(results.next()).await.expect("no failure").expect("a part");
    drop(results);
    assert_eq!(soon(ended).await, Ok(true));
    assert_eq!(lab.realm.calls_in_flight(), 0);
}

#[tokio::test]
async fn aborted_upload_fails_on_both_sides() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    callee.register("com.shout", shout).await.expect("registered");
    let (mut parts, mut results) = caller.call("com.shout").bidirectional();
    parts.send(("one",)).await.expect("sent");
    soon(results.next()).await.expect("no failure").expect("a part");
    drop(parts);
    let error = soon(results.next()).await.expect_err("canceled");
    assert_eq!(error.uri(), Some("wamp.error.canceled"));
    assert_eq!(lab.realm.calls_in_flight(), 0);
}

/// Runs a session in a thread of its own.
fn in_a_thread<F: Future<Output = ()>>(
    realm: &Arc<RealmHost>,
    authid: &'static str,
    act: impl FnOnce(Session) -> F + Send + 'static,
) -> thread::JoinHandle<()> {
    let realm = Arc::clone(realm);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let joined = local::join(&realm, internal(authid));
            let (session, driver) = joined.expect("the role exists");
            tokio::spawn(driver);
            soon(act(session)).await;
        });
    })
}

#[test]
fn progressive_calls_from_several_threads_all_end() {
    const CALLERS: usize = 3;
    let realm = realm();
    let barrier = Arc::new(std::sync::Barrier::new(CALLERS + 1));
    let done = Arc::new(tokio::sync::Barrier::new(CALLERS + 1));
    let (registered, all_done) = (Arc::clone(&barrier), Arc::clone(&done));
    let mut threads = vec![in_a_thread(&realm, "callee", |session| async move {
        session.register("com.shout", shout).await.expect("registered");
        registered.wait();
        all_done.wait().await;
    })];
    for _ in 0..CALLERS {
        let (registered, all_done) = (Arc::clone(&barrier), Arc::clone(&done));
        threads.push(in_a_thread(&realm, "caller", |session| async move {
            registered.wait();
            for round in 0..200 {
                let (mut parts, mut results) = session.call("com.shout").bidirectional();
                for _ in 0..round % 5 {
                    parts.send(("word",)).await.expect("sent");
                }
                match round % 3 {
                    0 => drop((parts, results)),
                    1 => {
                        drop(parts);
                        while let Ok(part) = results.next().await {
                            assert!(part.is_some(), "a broken call has not succeeded");
                        }
                    }
                    _ => {
                        parts.finish().await.expect("sent");
                        let heard = results.reply().await.expect("a reply").value::<u64>();
                        assert_eq!(heard.expect("a number"), round % 5);
                    }
                }
            }
            all_done.wait().await;
        }));
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(realm.calls_in_flight(), 0);
}
