//! The authentication methods of a listener, and the clients that they admit.

use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::ids::SessionId;
use compact_str::CompactString;

use crate::anonymous::{ANONYMOUS, Anonymous};
use crate::method::AuthMethod;
use crate::principal::{Principal, TransportDetails};

/// The authentication methods of a listener. Without a method, all clients are refused.
#[derive(Debug, Default)]
pub struct Admission {
    methods: Vec<Box<dyn AuthMethod>>,
}

/// A client that may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The realm to join.
    pub realm: CompactString,
    /// The identity of the client.
    pub principal: Principal,
    /// The roles and features that it has announced.
    pub roles: ClientRoles,
    /// How it is connected; none to say nothing in the session meta API.
    pub transport: Option<Box<TransportDetails>>,
    /// The session id that the realm has reserved. None: the realm draws one.
    pub session: Option<SessionId>,
    /// The session belongs to the router itself: the meta API can't end it, and it can't pause.
    pub is_internal: bool,
    /// The requests of the session have no order among each other, as those of the HTTP bridge:
    /// none waits behind another one for the decision of the authorizer, and the realm does not
    /// check that their ids follow each other.
    pub has_independent_requests: bool,
    /// WELCOME carries the name and version of the router.
    pub tells_agent: bool,
}

impl Admission {
    /// The methods of a listener without `auth`: anonymous clients with the role `anonymous`.
    pub fn open() -> Self {
        Self::default().with_method(Anonymous::default())
    }

    /// Adds a method. The first one of a name counts.
    pub fn with_method(mut self, method: impl AuthMethod + 'static) -> Self {
        self.methods.push(Box::new(method));
        self
    }

    /// The first of the offered methods that the listener has. A client that offers none is
    /// anonymous.
    pub(crate) fn select(&self, offered: &[CompactString]) -> Option<&dyn AuthMethod> {
        if offered.is_empty() {
            return self.named(ANONYMOUS);
        }
        offered.iter().find_map(|name| self.named(name))
    }

    fn named(&self, name: &str) -> Option<&dyn AuthMethod> {
        self.methods.iter().map(|method| &**method).find(|method| method.name() == name)
    }
}

impl Admitted {
    /// A client of which nothing else is known.
    pub fn new(realm: impl Into<CompactString>, principal: Principal, roles: ClientRoles) -> Self {
        Self {
            realm: realm.into(),
            principal,
            roles,
            transport: None,
            session: None,
            is_internal: false,
            has_independent_requests: false,
            tells_agent: true,
        }
    }
}

#[cfg(test)]
mod tests;
