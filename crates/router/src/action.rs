//! The actions that are authorized. Spec: advanced profile "Authorization".

/// The action that a session requests for a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// CALL
    Call,
    /// REGISTER
    Register,
    /// PUBLISH
    Publish,
    /// SUBSCRIBE
    Subscribe,
}

impl Action {
    /// The action's word, as in a permission's `allow`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Register => "register",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        }
    }

    /// How a refusal names the action and its object.
    pub(crate) const fn phrase(self) -> (&'static str, &'static str) {
        match self {
            Self::Call => ("call", "procedure"),
            Self::Register => ("register", "procedure"),
            Self::Publish => ("publish to", "topic"),
            Self::Subscribe => ("subscribe to", "topic"),
        }
    }
}
