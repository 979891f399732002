//! The traffic statistics of a session, published if its realm is configured so.

use super::{PeerStage, RouterPeer};
use crate::meter::{Meter, StatsRule};

impl RouterPeer {
    pub(super) fn meter(&mut self) -> Option<&mut Meter> {
        self.write_hook.as_mut().and_then(|hook| hook.meter.as_deref_mut())
    }

    /// Whether the session has a meter with such a rule.
    pub(super) fn meter_rule_says(&self, is_wanted: impl FnOnce(&StatsRule) -> bool) -> bool {
        let meter = self.write_hook.as_ref().and_then(|hook| hook.meter.as_ref());
        meter.is_some_and(|meter| is_wanted(meter.rule()))
    }

    /// Publishes the statistics of the session. `is_last` when the session ends.
    pub(super) fn publish_stats(&mut self, is_last: bool) {
        let meter = self.write_hook.as_mut().and_then(|hook| hook.meter.as_mut());
        if let (Some(meter), PeerStage::Joined(realm, _)) = (meter, &self.stage) {
            let stats = meter.report(is_last);
            realm.publish_stats(meter.of(), &stats);
        }
    }

    /// Publishes the statistics of a session that ends, or has ended, and removes its meter.
    pub(super) fn publish_last_stats(&mut self) {
        if self.meter_rule_says(|rule| rule.on_leave) {
            self.publish_stats(true);
        }
        if let Some(hook) = &mut self.write_hook {
            hook.meter = None;
            self.release_write_hook();
        }
    }
}
