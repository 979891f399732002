//! The session's record of a registration, kept to register the procedure again after a reconnect.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{ClientMessage, Register, RegisterOptions};
use compact_str::CompactString;

use crate::procedure::SharedProcedure;

/// A registration with the REGISTER options and the procedure.
#[derive(Debug)]
pub(crate) struct RegistrationEntry {
    procedure: CompactString,
    options: RegisterOptions,
    pub(crate) code: SharedProcedure,
    /// The registration id on the current or last connection; 0 before REGISTERED.
    id: AtomicU64,
    /// The reason of a revocation by the router.
    revoked: OnceLock<CompactString>,
}

impl RegistrationEntry {
    pub(crate) const fn new(
        procedure: CompactString,
        options: RegisterOptions,
        code: SharedProcedure,
    ) -> Self {
        Self { procedure, options, code, id: AtomicU64::new(0), revoked: OnceLock::new() }
    }

    pub(crate) fn id(&self) -> RegistrationId {
        RegistrationId::new(self.id.load(Relaxed)).unwrap_or(RegistrationId::from_random(0))
    }

    pub(crate) fn set_id(&self, id: RegistrationId) {
        self.id.store(id.number(), Relaxed);
    }

    /// Stores the reason of a revocation by the router.
    pub(crate) fn revoke(&self, reason: Option<&str>) {
        let _ = self.revoked.set(reason.unwrap_or(error_uri::UNREGISTERED).into());
    }

    pub(crate) fn revoked(&self) -> Option<&CompactString> {
        self.revoked.get()
    }

    pub(crate) fn procedure(&self) -> &str {
        &self.procedure
    }

    /// Returns a function that builds REGISTER.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let procedure = self.procedure.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Register(Register { request, options, procedure })
    }
}
