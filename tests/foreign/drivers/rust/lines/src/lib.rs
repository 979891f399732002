//! Shared by the drivers in Rust: requests and answers are lines, as `drivers/README.md` describes.
//!
//! The requests differ from library to library and are not here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::runtime;
use tokio::task::{LocalSet, spawn_local};

/// Serves the requests of a driver.
pub trait Driver: Default + 'static {
    /// The supported requests; all others are answered with a fault.
    type Command: DeserializeOwned;

    /// Runs a request of the session with this name.
    fn act(&self, session: String, command: Self::Command) -> impl Future<Output = Outcome>;
}

/// The outcome of a request.
pub type Outcome = Result<Value, Failure>;

/// The reason why a request has no `ok`.
#[derive(Debug)]
pub enum Failure {
    /// The router, the callee or the library refused the request.
    Refused { uri: Option<String>, args: Value, kwargs: Value },
    /// The driver does not support the request.
    Fault(String),
}

impl Failure {
    /// An error without a URI from the library.
    pub fn untold(error: impl Display) -> Self {
        Self::Refused { uri: None, args: json!([error.to_string()]), kwargs: json!({}) }
    }
}

/// The sessions of a driver by their names.
#[derive(Debug)]
pub struct Sessions<S>(RefCell<HashMap<String, Rc<S>>>);

impl<S> Default for Sessions<S> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<S> Sessions<S> {
    /// Adds a session that has joined.
    pub fn keep(&self, name: String, session: Rc<S>) {
        self.0.borrow_mut().insert(name, session);
    }

    /// The session with this name.
    ///
    /// # Errors
    /// There is no such session.
    pub fn named(&self, name: &str) -> Result<Rc<S>, Failure> {
        let session = self.0.borrow().get(name).cloned();
        session.ok_or_else(|| Failure::Fault(format!("there is no {name}")))
    }
}

#[derive(Deserialize)]
struct Request {
    id: u64,
    session: String,
    /// Read only once the id of the request is known.
    #[serde(flatten)]
    command: Value,
}

/// Serves requests until the input ends, on one thread. Requests begin in the order of their lines.
///
/// # Errors
/// The input can't be read or is no request.
pub fn serve<D: Driver>() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(LocalSet::new().run_until(read::<D>()))
}

async fn read<D: Driver>() -> io::Result<()> {
    let driver = Rc::new(D::default());
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (driver, request) = (Rc::clone(&driver), serde_json::from_str(&line)?);
        spawn_local(async move { answer(&*driver, request).await });
    }
    Ok(())
}

async fn answer<D: Driver>(driver: &D, Request { id, session, command }: Request) {
    let outcome = match serde_json::from_value(command) {
        Ok(command) => driver.act(session, command).await,
        Err(unknown) => Err(Failure::Fault(unknown.to_string())),
    };
    let answer = match outcome {
        Ok(ok) => json!({"id": id, "ok": ok}),
        Err(Failure::Refused { uri, args, kwargs }) => {
            json!({"id": id, "error": {"uri": uri, "args": args, "kwargs": kwargs}})
        }
        Err(Failure::Fault(fault)) => json!({"id": id, "fault": fault}),
    };
    println!("{answer}");
}
