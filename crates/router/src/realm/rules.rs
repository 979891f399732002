//! Other roles and permissions for a realm that is in use.

use cloverleaf_wamp::message::{Goodbye, GoodbyeDetails};

use super::Realm;
use crate::authorization::{Role, TRUSTED};
use crate::deadline::Moment;
use crate::jobs::Job;
use crate::outbox::Outbox;
use crate::validation::Validation;
use crate::work::Work;

impl<O: Outbox> Realm<O> {
    /// The schemas that the permissions of its roles refer to.
    pub const fn validation(&self) -> &Validation {
        &self.settings.validation
    }

    /// Applies other roles from the next message on. Sessions keep their roles by name. A role that
    /// is not among `roles` is removed: it allows nothing any more, no session can join with it,
    /// and [`Self::work`] ends its sessions with GOODBYE, those of the router itself included.
    ///
    /// `validation` holds the schemas of before and those that `roles` refer to besides, since
    /// calls in flight are validated against those of before.
    pub fn set_rules(&mut self, roles: Vec<Role>, validation: Validation) {
        self.work = Work::message();
        let has_trusted = roles.iter().any(|role| role.name() == TRUSTED);
        let built_in = (!has_trusted).then(Role::trusted);
        let roles: Vec<Role> = roles.into_iter().chain(built_in).collect();
        let mut is_any_removed = false;
        for before in &mut self.settings.roles {
            if !before.is_removed() && !roles.iter().any(|role| role.name() == before.name()) {
                before.remove();
                is_any_removed = true;
            }
        }
        for role in roles {
            match self.settings.roles.iter_mut().find(|before| before.name() == role.name()) {
                // Sessions refer to the place of their role.
                Some(place) => *place = role,
                None => self.settings.roles.push(role),
            }
        }
        self.dealer.set_validation(validation.clone());
        self.settings.validation = validation;
        self.apply_limits();
        if is_any_removed {
            self.jobs.push(Job::RemovedRoles { next: 0 });
        }
    }

    /// Goes on with ending the sessions of removed roles, from the place `next` in the table of
    /// sessions. Returns the next place, unless all are ended. A role that is back by now keeps its
    /// sessions.
    pub(super) fn continue_removed_roles(&mut self, mut next: usize, now: Moment) -> Option<usize> {
        while !self.work.is_spent() {
            let (session, behind) = self.sessions.next_from(next)?;
            self.work.spend_entries(behind - next);
            next = behind;
            let role = &self.settings.roles[session.role];
            if role.is_removed() && !session.is_closing {
                let message = format!("the role '{}' was removed from the realm", role.name());
                let goodbye = Goodbye {
                    details: GoodbyeDetails { message: Some(message.into()) },
                    reason: self.settings.compatibility.kill_reason().into(),
                };
                let key = session.key;
                self.end_with_goodbye(key, goodbye, now);
            }
        }
        Some(next)
    }
}
