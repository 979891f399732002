//! Registering: a builder that becomes a future, and the registration that comes out.

use std::future::IntoFuture;

use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::{
    ClientMessage, InvokePolicy, Register, RegisterOptions, RequestKind, Unregister,
};
use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;

use crate::error::Error;
use crate::procedure::SharedProcedure;
use crate::session::{BoxFuture, OnAnswer, Session};

/// A registration that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is registered before the builder is awaited"]
pub struct RegisterBuilder {
    session: Session,
    procedure: CompactString,
    options: RegisterOptions,
    code: SharedProcedure,
}

impl RegisterBuilder {
    pub(crate) fn new(session: Session, procedure: CompactString, code: SharedProcedure) -> Self {
        Self { session, procedure, options: RegisterOptions::default(), code }
    }

    /// The procedure is a prefix or a wildcard pattern.
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// Several callees may share the procedure; the router chooses among them so.
    pub fn invoke(mut self, policy: InvokePolicy) -> Self {
        self.options.invoke = Some(policy);
        self
    }

    async fn register(self) -> Result<Registration, Error> {
        let Self { session, procedure, options, code } = self;
        let on_answer = Some(OnAnswer::Registered(code));
        let number = session
            .acknowledged(RequestKind::Register, on_answer, |request| {
                ClientMessage::Register(Register { request, options, procedure: procedure.into() })
            })
            .await?;
        let id = RegistrationId::new(number)
            .ok_or_else(|| Error::Closed("senseless REGISTERED".into()))?;
        Ok(Registration { session, id })
    }
}

impl IntoFuture for RegisterBuilder {
    type Output = Result<Registration, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.register())
    }
}

/// A registered procedure. It stays registered when this is dropped.
#[derive(Debug)]
pub struct Registration {
    session: Session,
    id: RegistrationId,
}

impl Registration {
    /// The registration's number.
    pub const fn id(&self) -> RegistrationId {
        self.id
    }

    /// Ends the registration. What is running runs to its end.
    pub async fn unregister(self) -> Result<(), Error> {
        let Self { session, id } = self;
        session
            .acknowledged(RequestKind::Unregister, None, |request| {
                ClientMessage::Unregister(Unregister { request, registration: id })
            })
            .await?;
        session.shared().state.lock().procedures.remove(&id);
        Ok(())
    }
}
