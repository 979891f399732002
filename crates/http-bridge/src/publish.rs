//! Publishing: what a publisher asks of the router.

use cloverleaf_client::{PublishOptions, Session};

use crate::checks::repeated;
use crate::envelope::Envelope;
use crate::reply::Answer;
use crate::settings::BridgeSettings;

/// Publishes the event and answers with the publication's id.
pub(crate) async fn answer(
    session: &Session,
    envelope: Envelope<PublishOptions>,
    settings: &BridgeSettings,
) -> Answer {
    let Envelope { uri, payload, options } = envelope;
    if settings.debug {
        tracing::debug!(topic = ?repeated(uri.as_bytes()), ?payload, "publish");
    }
    match session.publish(uri).payload(payload).options(options).await {
        Ok(publication) => Answer::of_publication(publication),
        Err(error) => {
            if settings.debug {
                tracing::debug!(code = "AR456", reason = ?error.to_string(), "publish failed");
            }
            Answer::of_error(&error, settings.error_status)
        }
    }
}
