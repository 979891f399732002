//! The resource `caller`: from a decoded body to a call, and from its outcome to a response.

use std::time::Duration;

use cloverleaf_client::{CallFuture, Error, Reply, Session};
use cloverleaf_wamp::message::CallOptions;

use crate::envelope::Envelope;
use crate::excerpt::excerpt;
use crate::response::StatusAndBody;
use crate::settings::BridgeSettings;

/// Calls the procedure.
pub(crate) fn start(
    session: &Session,
    envelope: Envelope<CallOptions>,
    settings: &BridgeSettings,
) -> CallFuture {
    let Envelope { uri, payload, options } = envelope;
    if settings.debug {
        tracing::debug!(procedure = ?excerpt(uri.as_bytes()), ?payload, "call");
    }
    let mut call = session.call(uri).payload(payload);
    // As in CALL.Options, 0 means no timeout.
    if let Some(millis @ 1..) = options.timeout {
        call = call.timeout(Duration::from_millis(millis));
    }
    if options.disclose_me == Some(true) {
        call = call.disclose_me();
    }
    call.send()
}

/// The response for the result or error of a call.
pub(crate) fn answer(ended: Result<Reply, Error>, settings: &BridgeSettings) -> StatusAndBody {
    match ended {
        Ok(reply) => StatusAndBody::of_results(&reply.into_payload()),
        Err(error) => {
            if settings.debug {
                tracing::debug!(code = "AR458", reason = ?error.to_string(), "call failed");
            }
            StatusAndBody::of_error(&error, settings.error_status)
        }
    }
}
