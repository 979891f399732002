//! Signals during the start.

use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;
use cloverleaf_config::{ProcessEnvironment, Settings, load_for};
use cloverleaf_hosting::{ComponentContext, Components};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::Notify;

use super::{Ended, NodeOptions, run};
use crate::signals::EndSignal;
use crate::tuning::Tuning;

#[derive(Debug, clap::Parser)]
struct Options {
    #[command(flatten)]
    tuning: Tuning,
}

/// A node with one component whose start never ends. `begun` is notified when it begins.
fn starting(begun: &Arc<Notify>, directory: &Path) -> (Settings, NodeOptions) {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": []}]}],
      "components": [{"type": "class", "classname": "slow.AppSession", "realm": "realm1",
                      "role": "anonymous"}],
      "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "a.sock"}}]}]}"#;
    let file = directory.join("config.json");
    std::fs::write(&file, config).expect("a file");
    let settings =
        load_for(&file, directory, &ProcessEnvironment).expect("a configuration").settings;
    let begun = Arc::clone(begun);
    let components = Components::new().with("slow.AppSession", move |_: ComponentContext| {
        let begun = Arc::clone(&begun);
        async move {
            begun.notify_one();
            std::future::pending().await
        }
    });
    let tuning = Options::parse_from(["test"]).tuning;
    (settings, NodeOptions { components, launch: None, tuning })
}

#[test]
fn signals_end_a_node_during_its_start() {
    let name = format!("cloverleaf-starting-{}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    for (signal, ended) in
        [(Signal::TERM, Ended::Gracefully), (Signal::QUIT, Ended::AtOnce(EndSignal::Quit))]
    {
        let runtime = crate::threads::runtime().expect("a runtime");
        let begun = Arc::new(Notify::new());
        let (settings, options) = starting(&begun, &directory);
        let outcome = runtime.block_on(async {
            let running = tokio::spawn(run(settings, options));
            begun.notified().await;
            assert!(directory.join("a.sock").exists());
            kill_process(getpid(), signal).expect("a signal");
            running.await.expect("no panic")
        });
        assert_eq!(outcome.expect("no error"), ended);
        assert!(!directory.join("a.sock").exists());
    }
    std::fs::remove_dir_all(directory).expect("a directory");
}
