//! Results in parts of which one could not be sent: their call ends with an ERROR, and nothing
//! comes of it afterwards.
//!
//! The part is noticed behind the queue, in which what follows it may wait already; so what follows
//! is held against this list when its turn comes. Spec: advanced profile "Progressive Call
//! Results"; basic profile "Basic Profile URIs".

use std::collections::BTreeMap;

use cloverleaf_transport::Interception;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{RequestError, RequestKind, RequestRef, RouterMessage};

/// See the [module](self). Every call in it has one more message coming that ends it, so there are
/// no more than calls in flight.
#[derive(Debug, Default)]
pub(super) struct CutResults(BTreeMap<RequestId, RequestError>);

impl CutResults {
    /// A part of the result of this call is missing; the call ends with this error.
    pub(super) fn cut(&mut self, error: RequestError) {
        self.0.insert(error.request.id(), error);
    }

    /// Drops further parts of a cut result, and replaces its end by the error.
    pub(super) fn before_write(&mut self, message: &RouterMessage) -> Interception<RouterMessage> {
        let (request, is_part) = match message {
            RouterMessage::Result(result) => {
                (result.reference(), result.details.progress == Some(true))
            }
            RouterMessage::Error(error) => (error.request, false),
            _ => return Interception::Send,
        };
        if !self.has(request) {
            return Interception::Send;
        }
        if is_part {
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

    /// Another session begins, which numbers its calls anew.
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
    fn parts_are_left_out_and_the_end_is_the_error_once() {
        let mut all = CutResults::default();
        let [part, end, other] = [(1, Some(true)), (1, None), (2, None)]
            .map(|(request, progress)| RouterMessage::Result(result(request, progress)));
        let error = failure(result(1, None).reference());
        assert_eq!(all.before_write(&part), Interception::Send);
        all.cut(error.clone());
        assert_eq!(all.before_write(&part), Interception::Drop);
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
    fn a_call_that_fails_meanwhile_ends_with_the_same_error() {
        let mut all = CutResults::default();
        let error = failure(result(1, None).reference());
        all.cut(error.clone());
        let canceled = RequestError { error: error_uri::CANCELED.into(), ..error.clone() };
        let sent = all.before_write(&RouterMessage::Error(canceled));
        assert_eq!(sent, Interception::Replace(RouterMessage::Error(error)));
    }
}
