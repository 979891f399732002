//! Calls of which a progressive result could not be sent. Each ends with ERROR, and no further
//! result of it is sent.
//!
//! The failure is noticed when the message leaves the queue. Further results of the call may be
//! queued already, so each outgoing message is checked against this list. Spec: advanced profile
//! "Progressive Call Results"; basic profile "Basic Profile URIs".

use std::collections::BTreeMap;

use cloverleaf_transport::Interception;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{RequestError, RequestKind, RequestRef, RouterMessage};

/// The calls by their request ids, with the ERROR that ends each. Every call has one more message
/// to come, so there are at most as many as calls in flight.
#[derive(Debug, Default)]
pub(super) struct CutResults(BTreeMap<RequestId, RequestError>);

impl CutResults {
    /// A progressive result of this call could not be sent; the call ends with this error.
    pub(super) fn cut(&mut self, error: RequestError) {
        self.0.insert(error.request.id(), error);
    }

    /// Drops further progressive results of such a call, and replaces its last message by ERROR.
    pub(super) fn before_write(&mut self, message: &RouterMessage) -> Interception<RouterMessage> {
        let (request, is_progressive) = match message {
            RouterMessage::Result(result) => {
                (result.reference(), result.details.progress == Some(true))
            }
            RouterMessage::Error(error) => (error.request, false),
            _ => return Interception::Send,
        };
        if !self.has(request) {
            return Interception::Send;
        }
        if is_progressive {
            return Interception::Drop;
        }
        let error = self.0.remove(&request.id()).map(RouterMessage::Error);
        error.map_or(Interception::Send, Interception::Replace)
    }

    fn has(&self, request: RequestRef) -> bool {
        request.kind() == RequestKind::Call && self.0.contains_key(&request.id())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all calls: another session begins, which numbers its calls anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::error_uri;
    use cloverleaf_wamp::ids::{RequestId, SubscriptionId};
    use cloverleaf_wamp::message::{CallResult, RequestError, ResultDetails, Unsubscribe};
    use cloverleaf_wamp::payload::Payload;

    use super::{CutResults, Interception, RequestRef, RouterMessage};

    fn number(number: u64) -> RequestId {
        RequestId::new(number).expect("an id")
    }

    fn result(request: u64, progress: Option<bool>) -> CallResult {
        let details = ResultDetails { progress, ..ResultDetails::default() };
        CallResult { request: number(request), details, payload: Payload::EMPTY }
    }

    fn failure(request: RequestRef) -> RequestError {
        RequestError::new(request, error_uri::PAYLOAD_SIZE_EXCEEDED, Payload::EMPTY)
    }

    #[test]
    fn progressive_results_are_dropped_and_the_end_is_one_error() {
        let mut all = CutResults::default();
        let [progressive, end, other] = [(1, Some(true)), (1, None), (2, None)]
            .map(|(request, progress)| RouterMessage::Result(result(request, progress)));
        let error = failure(result(1, None).reference());
        assert_eq!(all.before_write(&progressive), Interception::Send);
        all.cut(error.clone());
        assert_eq!(all.before_write(&progressive), Interception::Drop);
        assert_eq!(all.before_write(&other), Interception::Send, "another call");
        let subscription = SubscriptionId::new(7).expect("an id");
        let unsubscribe = Unsubscribe { request: number(1), subscription };
        let refusal = RouterMessage::Error(failure(unsubscribe.reference()));
        assert_eq!(
            all.before_write(&refusal),
            Interception::Send,
            "another request with the number"
        );
        assert_eq!(all.before_write(&end), Interception::Replace(RouterMessage::Error(error)));
        assert_eq!(all.before_write(&end), Interception::Send, "a later call with the number");
    }

    #[test]
    fn call_that_fails_meanwhile_ends_with_the_error_of_the_cut() {
        let mut all = CutResults::default();
        let error = failure(result(1, None).reference());
        all.cut(error.clone());
        let canceled = RequestError { error: error_uri::CANCELED.into(), ..error.clone() };
        let sent = all.before_write(&RouterMessage::Error(canceled));
        assert_eq!(sent, Interception::Replace(RouterMessage::Error(error)));
    }
}
