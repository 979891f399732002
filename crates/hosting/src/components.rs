//! The registry of components: a class name of the configuration to a piece of Rust.
//!
//! ```
//! use cloverleaf_client::{Args, Failure};
//! use cloverleaf_node::{Components, Joined};
//!
//! let components = Components::new().with("hello.AppSession", |joined: Joined| async move {
//!     joined
//!         .session
//!         .register("com.example.hello", |Args((name,)): Args<(String,)>| async move {
//!             Ok::<_, Failure>(format!("Hello, {name}!"))
//!         })
//!         .await?;
//!     Ok(())
//! });
//! assert!(components.has("hello.AppSession"));
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloverleaf_client::Session;
use serde_json::Value;

/// What a component finds when it is started.
#[derive(Debug)]
pub struct Joined {
    /// Its session, open.
    pub session: Session,
    /// The realm that it joined.
    pub realm: String,
    /// `extra` of the configuration; null when not given.
    pub extra: Value,
}

/// Why a component failed to start.
pub type ComponentError = Box<dyn std::error::Error + Send + Sync>;

/// The future of a starting component.
pub type Starting = Pin<Box<dyn Future<Output = Result<(), ComponentError>> + Send>>;

/// A component: started with an open session, it registers and subscribes, and lives as long as
/// the session.
pub trait Component: Send + Sync + 'static {
    /// Starts an instance.
    fn start(&self, joined: Joined) -> Starting;
}

impl<F, Fut> Component for F
where
    F: Fn(Joined) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ComponentError>> + Send + 'static,
{
    fn start(&self, joined: Joined) -> Starting {
        Box::pin(self(joined))
    }
}

/// The components that a program offers to its configuration.
#[derive(Clone, Default)]
pub struct Components {
    by_class: BTreeMap<String, Arc<dyn Component>>,
    first_call: Option<FirstCall>,
}

/// A call that somebody who has just started the program may want to make.
#[derive(Debug, Clone)]
struct FirstCall {
    procedure: String,
    /// The positional arguments as JSON.
    args: Value,
}

impl Components {
    /// No components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component under a class name. The last one of a name counts.
    #[must_use]
    pub fn with(mut self, classname: impl Into<String>, component: impl Component) -> Self {
        self.by_class.insert(classname.into(), Arc::new(component));
        self
    }

    /// Names a call that is shown, ready to be pasted, when the node has started and can be called
    /// over HTTP.
    #[must_use]
    pub fn with_first_call(mut self, procedure: impl Into<String>, args: Value) -> Self {
        self.first_call = Some(FirstCall { procedure: procedure.into(), args });
        self
    }

    /// The command line of the first call, at the URL of a caller.
    pub fn first_call_at(&self, url: &str) -> Option<String> {
        let FirstCall { procedure, args } = self.first_call.as_ref()?;
        let procedure = Value::from(procedure.as_str());
        let body = match args {
            Value::Array(args) if args.is_empty() => format!(r#"{{"procedure":{procedure}}}"#),
            args => format!(r#"{{"procedure":{procedure},"args":{args}}}"#),
        };
        Some(format!("curl -H 'content-type: application/json' -d '{body}' {url}"))
    }

    /// Whether there is a component of this class.
    pub fn has(&self, classname: &str) -> bool {
        self.by_class.contains_key(classname)
    }

    /// The classes of all components, sorted.
    pub fn classes(&self) -> Vec<String> {
        self.by_class.keys().cloned().collect()
    }

    pub fn of_class(&self, classname: &str) -> Result<Arc<dyn Component>, UnknownClass> {
        self.by_class
            .get(classname)
            .map(Arc::clone)
            .ok_or_else(|| UnknownClass { classname: classname.to_owned() })
    }
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_class.keys()).finish()
    }
}

/// A class that the program does not have. The reader of a configuration has named all of them
/// before, with what to do.
#[derive(Debug, thiserror::Error)]
#[error("this program has no component of class '{classname}'")]
pub struct UnknownClass {
    classname: String,
}
