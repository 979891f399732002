//! Components: application code that runs in the router or in a container.

use serde_json::Value;

use super::ConnectingTransport;
use crate::location::SourceLocation;

/// A component that runs in the router.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterComponent {
    /// Its id, given or `component001` and so on.
    pub id: String,
    /// The name of its class.
    pub classname: String,
    /// The realm that it joins.
    pub realm: String,
    /// The role that it has there.
    pub role: String,
    /// Anything, for the component itself; null when not given.
    pub extra: Value,
    /// Where the file names its class.
    pub location: SourceLocation,
}

/// A component that runs in a container and connects to a router.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerComponent {
    /// Its id, given or `component001` and so on.
    pub id: String,
    /// The name of its class.
    pub classname: String,
    /// The realm that it asks for.
    pub realm: String,
    /// How it connects to the router.
    pub transport: ConnectingTransport,
    /// Anything, for the component itself; null when not given.
    pub extra: Value,
    /// Where the file names its class.
    pub location: SourceLocation,
}
