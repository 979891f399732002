//! The components that a configuration can name by their classes.
//!
//! ```
//! use cloverleaf_client::{Args, Failure};
//! use cloverleaf_hosting::{ComponentContext, ComponentError, Components};
//!
//! let hello = |start: ComponentContext| async move {
//!     start
//!         .session
//!         .register("com.example.hello", |Args((name,)): Args<(String,)>| async move {
//!             Ok::<_, Failure>(format!("Hello, {name}!"))
//!         })
//!         .await?;
//!     Ok::<_, ComponentError>(())
//! };
//! let components = Components::new().with("hello.AppSession", hello);
//! assert!(components.has("hello.AppSession"));
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloverleaf_client::Session;
use serde_json::Value;

/// The arguments of a component's start.
#[derive(Debug)]
pub struct ComponentContext {
    /// The open session of the component.
    pub session: Session,
    /// The realm of the session.
    pub realm: String,
    /// `extra` of the configuration, or null.
    pub extra: Value,
}

/// Why a component failed to start.
pub type ComponentError = Box<dyn std::error::Error + Send + Sync>;

/// The future of a starting component.
pub type Starting = Pin<Box<dyn Future<Output = Result<(), ComponentError>> + Send>>;

/// Registers and subscribes with an open session, and runs as long as the session.
pub trait Component: Send + Sync + 'static {
    /// Starts an instance.
    fn start(&self, joined: ComponentContext) -> Starting;
}

impl<F, Fut> Component for F
where
    F: Fn(ComponentContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ComponentError>> + Send + 'static,
{
    fn start(&self, joined: ComponentContext) -> Starting {
        Box::pin(self(joined))
    }
}

/// The components that a program offers to its configuration.
#[derive(Clone, Default)]
pub struct Components {
    by_class: BTreeMap<String, Arc<dyn Component>>,
    first_call: Option<FirstCall>,
}

/// A call that is suggested at the start of the node.
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

    /// Adds a component under a class name, in place of any other of this name.
    #[must_use]
    pub fn with(mut self, classname: impl Into<String>, component: impl Component) -> Self {
        self.by_class.insert(classname.into(), Arc::new(component));
        self
    }

    /// Suggests a call. A node with a caller logs it as a command line at its start.
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

    /// The component of a class.
    ///
    /// # Errors
    /// When the program has no such class.
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

/// The program has no component of this class. Loading a configuration reports all such classes
/// before, with what to do.
#[derive(Debug, thiserror::Error)]
#[error("this program has no component of class '{classname}'")]
pub struct UnknownClass {
    classname: String,
}
