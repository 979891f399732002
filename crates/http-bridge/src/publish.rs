//! The resource `publisher`: from a decoded body to a publication, and from its outcome to a
//! response.

use cloverleaf_client::{Error, PublishFuture, PublishOptions, Session};
use cloverleaf_wamp::ids::PublicationId;

use crate::envelope::Envelope;
use crate::excerpt::excerpt;
use crate::response::StatusAndBody;
use crate::settings::BridgeSettings;

/// Publishes the event.
pub(crate) fn start(
    session: &Session,
    envelope: Envelope<PublishOptions>,
    settings: &BridgeSettings,
) -> PublishFuture {
    let Envelope { uri, payload, options } = envelope;
    if settings.debug {
        tracing::debug!(topic = ?excerpt(uri.as_bytes()), ?payload, "publish");
    }
    session.publish(uri).payload(payload).options(options).send()
}

/// The response for the id or error of a publication.
pub(crate) fn answer(
    ended: Result<PublicationId, Error>,
    settings: &BridgeSettings,
) -> StatusAndBody {
    match ended {
        Ok(publication) => StatusAndBody::of_publication(publication),
        Err(error) => {
            if settings.debug {
                tracing::debug!(code = "AR456", reason = ?error.to_string(), "publish failed");
            }
            StatusAndBody::of_error(&error, settings.error_status)
        }
    }
}
