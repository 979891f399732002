//! From a realm of the configuration to what makes one.

use std::time::SystemTime;

use cloverleaf_config::settings as config;
use cloverleaf_config::settings::Disclose;
use cloverleaf_router::{Disclosure, Permission, RealmSettings, Role, Timestamp};

pub(super) fn settings(realm: &config::Realm) -> RealmSettings {
    RealmSettings {
        uri_rule: realm.options.uri_check,
        roles: realm.roles.iter().map(role).collect(),
        agent: Some(concat!("Cloverleaf-", env!("CARGO_PKG_VERSION")).into()),
        started_at: time_of_day(),
        ..RealmSettings::named(realm.name.as_str())
    }
}

/// What the wall shows now, in which a realm tells of itself.
fn time_of_day() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::default().plus(since_1970.unwrap_or_default())
}

fn role(role: &config::Role) -> Role {
    Role::new(
        role.name.as_str(),
        role.permissions.iter().map(|permission| {
            let Disclose { caller, publisher } = permission.disclose;
            let allow = permission.allow;
            let rights = Permission {
                call: allow.call,
                register: allow.register,
                publish: allow.publish,
                subscribe: allow.subscribe,
                disclose_caller: disclosure(caller),
                disclose_publisher: disclosure(publisher),
                ..Permission::default()
            };
            (permission.pattern.clone(), rights)
        }),
    )
}

const fn disclosure(wanted: Option<bool>) -> Disclosure {
    match wanted {
        Some(true) => Disclosure::Always,
        Some(false) => Disclosure::Never,
        None => Disclosure::OnWish,
    }
}
