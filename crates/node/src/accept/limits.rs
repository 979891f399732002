//! Step "limits": counts a connection, if its listener may have one more.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::{ConnectionGuard, Connections, ListenerId, log_limited};

/// The limits of a listener for the steps before its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AcceptLimits {
    /// Open connections of the listener, checked before a connection costs anything.
    pub(crate) max_connections: Option<usize>,
    /// How long the PROXY header and the first octet may take, each.
    pub(crate) opening_timeout: Duration,
}

/// Counts a connection if the limits of its listener allow one more.
pub(crate) fn check_limits(
    connections: &Arc<Connections>,
    limits: AcceptLimits,
    listener: ListenerId,
    peer: &PeerAddress,
) -> Option<ConnectionGuard> {
    if limits.max_connections.is_some_and(|max| connections.of_listener(listener) >= max) {
        log_limited!(info, "connection refused", %peer, reason = "max_connections is reached");
        return None;
    }
    Some(connections.accept(listener, peer))
}

#[cfg(test)]
mod tests {
    use cloverleaf_transport::limits::OPENING_TIMEOUT;
    use cloverleaf_transport::listener::PeerAddress;
    use cloverleaf_transport::{Connections, ListenerId};

    use super::{AcceptLimits, check_limits};

    #[test]
    fn connection_is_counted_unless_its_listener_has_as_many_as_it_may() {
        // The limit, open connections of the listener and of another one, and what is expected.
        for (max_connections, open, others, is_allowed) in [
            (None, 0, 0, true),
            (None, 1_000, 1_000, true),
            (Some(1), 0, 0, true),
            (Some(1), 1, 0, false),
            (Some(1), 0, 5, true),
            (Some(3), 2, 0, true),
            (Some(3), 3, 0, false),
            // The limit was lowered meanwhile.
            (Some(3), 4, 0, false),
        ] {
            let connections = Connections::new(2);
            let [listener, other] = [ListenerId(1), ListenerId(2)];
            let accept = |listener| connections.accept(listener, &PeerAddress::Unix);
            let guards: Vec<_> = (0..open).map(|_| accept(listener)).collect();
            let other_guards: Vec<_> = (0..others).map(|_| accept(other)).collect();
            let limits = AcceptLimits { max_connections, opening_timeout: OPENING_TIMEOUT };
            let guard = check_limits(&connections, limits, listener, &PeerAddress::Unix);
            let case = format!("{max_connections:?}, {open} open, {others} others");
            assert_eq!(guard.is_some(), is_allowed, "{case}");
            let expected = open + usize::from(is_allowed);
            assert_eq!(connections.of_listener(listener), expected, "{case}");
            assert_eq!(connections.of_threads().iter().sum::<usize>(), expected + others, "{case}");
            drop((guard, guards, other_guards));
            assert_eq!(connections.of_threads(), [0, 0], "{case}");
        }
    }
}
