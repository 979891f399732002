//! The limits of a realm and of its sessions, which can change while the realm is in use.

use super::Realm;
use crate::limits::SharedLimits;
use crate::outbox::Outbox;

impl<O: Outbox> Realm<O> {
    /// Applies other limits from the next message on. Entries of a table above its limit stay.
    pub fn set_limits(&mut self, limits: SharedLimits) {
        self.settings.limits = limits;
        self.apply_limits();
    }

    /// Gives the limits of the settings and of the roles to the parts of the realm.
    pub(super) fn apply_limits(&mut self) {
        let limits = self.settings.limits;
        self.sessions.set_limits(self.settings.roles.iter().map(|role| *role.limits()).collect());
        self.settings.validation.set_max_bytes(limits.max_validated_bytes);
        self.dealer.set_limits(limits);
        self.broker.set_limits(limits);
    }
}
