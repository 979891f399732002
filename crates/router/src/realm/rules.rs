//! Other roles and permissions for a realm that is in use.

use super::Realm;
use crate::authorization::{Role, TRUSTED};
use crate::outbox::Outbox;
use crate::validation::Validation;

impl<O: Outbox> Realm<O> {
    /// The schemas that the permissions of its roles refer to.
    pub const fn validation(&self) -> &Validation {
        &self.settings.validation
    }

    /// Applies other roles from the next message on. Sessions keep their roles by name. A role that
    /// is not among `roles` allows nothing any more, and no session can join with it.
    ///
    /// `validation` holds the schemas of before and those that `roles` refer to besides, since
    /// calls in flight are validated against those of before.
    pub fn set_rules(&mut self, roles: Vec<Role>, validation: Validation) {
        self.settings.roles.iter_mut().for_each(Role::remove);
        let has_trusted = roles.iter().any(|role| role.name() == TRUSTED);
        let built_in = (!has_trusted).then(Role::trusted);
        for role in roles.into_iter().chain(built_in) {
            let same = |other: &&mut Role| other.name() == role.name();
            match self.settings.roles.iter_mut().find(same) {
                // Sessions refer to the place of their role.
                Some(place) => *place = role,
                None => self.settings.roles.push(role),
            }
        }
        self.dealer.set_validation(validation.clone());
        self.settings.validation = validation;
        self.apply_limits();
    }
}
