//! What the drivers in Rust share: requests come as lines, answers go as lines, as
//! `drivers/README.md` tells.
//!
//! Not for what can be asked of a session: that differs from library to library.

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

/// What a driver does about a request.
pub trait Driver: Default + 'static {
    /// What can be asked for; everything else is answered with a fault.
    type Deed: DeserializeOwned;

    /// Does what is asked of the session with this name.
    fn act(&self, session: String, deed: Self::Deed) -> impl Future<Output = Outcome>;
}

/// How a request came out.
pub type Outcome = Result<Value, Failure>;

/// Why a request has no `ok`.
#[derive(Debug)]
pub enum Failure {
    /// The router, the callee or the library refused.
    Refused { uri: Option<String>, args: Value, kwargs: Value },
    /// The driver doesn't know what to do.
    Fault(String),
}

impl Failure {
    /// An error of which the library tells no URI.
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
    /// Keeps a session that has joined.
    pub fn keep(&self, name: String, session: Rc<S>) {
        self.0.borrow_mut().insert(name, session);
    }

    /// The session with this name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(&self, name: &str) -> Result<Rc<S>, Failure> {
        let session = self.0.borrow().get(name).cloned();
        session.ok_or_else(|| Failure::Fault(format!("there is no {name}")))
    }
}

#[derive(Deserialize)]
struct Request {
    id: u64,
    session: String,
    /// Read only once it is known whom to answer.
    #[serde(flatten)]
    deed: Value,
}

/// Serves until the input ends; on one thread, where requests begin in the order of their lines.
///
/// # Errors
/// The input can't be read or isn't made of requests.
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

async fn answer<D: Driver>(driver: &D, Request { id, session, deed }: Request) {
    let outcome = match serde_json::from_value(deed) {
        Ok(deed) => driver.act(session, deed).await,
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
