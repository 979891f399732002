//! Steps that may block for long get a thread of their own; the others start none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::failures::stored;
use crate::fixture::{TestNode, any_port, rawsocket, realm};

/// The number of threads that the runtime starts while a node applies these settings.
fn threads_to_apply(realms: &[Value], transports: &[Value]) -> usize {
    let threads = Arc::new(AtomicUsize::new(0));
    let started = Arc::clone(&threads);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || _ = started.fetch_add(1, Ordering::Relaxed))
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut node = TestNode::start(&[], &[]).await;
        node.apply(realms, transports).await.expect("valid settings");
        threads.load(Ordering::Relaxed)
    })
}

#[test]
fn event_store_is_opened_on_another_thread() {
    assert_eq!(threads_to_apply(&[stored("realm1", "events")], &[]), 1);
}

#[test]
fn name_of_an_interface_is_looked_up_on_another_thread() {
    let named = rawsocket(json!({"type": "tcp", "interface": "localhost", "port": 0}));
    assert_eq!(threads_to_apply(&[realm("realm1")], &[named]), 1);
}

#[test]
fn node_without_event_stores_and_names_starts_no_other_thread() {
    let unix = rawsocket(json!({"type": "unix", "path": "node.sock"}));
    assert_eq!(threads_to_apply(&[realm("realm1")], &[rawsocket(any_port(1)), unix]), 0);
}
