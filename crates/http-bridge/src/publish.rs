//! Publishing: what a publisher asks of the router.

use cloverleaf_client::{Error, PublishOptions, Publishing, Session};
use cloverleaf_wamp::ids::PublicationId;

use crate::checks::repeated;
use crate::envelope::Envelope;
use crate::reply::Answer;
use crate::settings::BridgeSettings;

/// Publishes the event.
pub(crate) fn start(
    session: &Session,
    envelope: Envelope<PublishOptions>,
    settings: &BridgeSettings,
) -> Publishing {
    let Envelope { uri, payload, options } = envelope;
    if settings.debug {
        tracing::debug!(topic = ?repeated(uri.as_bytes()), ?payload, "publish");
    }
    session.publish(uri).payload(payload).options(options).send()
}

/// The publication's id, or why it was refused.
pub(crate) fn answer(ended: Result<PublicationId, Error>, settings: &BridgeSettings) -> Answer {
    match ended {
        Ok(publication) => Answer::of_publication(publication),
        Err(error) => {
            if settings.debug {
                tracing::debug!(code = "AR456", reason = ?error.to_string(), "publish failed");
            }
            Answer::of_error(&error, settings.error_status)
        }
    }
}
