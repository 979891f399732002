//! What it takes to register a procedure again.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{ClientMessage, Register, RegisterOptions};
use compact_str::CompactString;

use crate::procedure::SharedProcedure;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RegistrationEntry {
    procedure: CompactString,
    options: RegisterOptions,
    pub(crate) code: SharedProcedure,
    /// The number that the router gave last; 0 before the first.
    id: AtomicU64,
    /// Why the router has taken it away.
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

    /// The router has taken it away.
    pub(crate) fn revoke(&self, reason: Option<&str>) {
        let _ = self.revoked.set(reason.unwrap_or(error_uri::UNREGISTERED).into());
    }

    pub(crate) fn revoked(&self) -> Option<&CompactString> {
        self.revoked.get()
    }

    pub(crate) fn procedure(&self) -> &str {
        &self.procedure
    }

    /// Makes REGISTER.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let procedure = self.procedure.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Register(Register { request, options, procedure })
    }
}
