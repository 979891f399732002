//! The WAMP services of listeners and paths.

use std::sync::Arc;

use cloverleaf_config::settings::{self as config, Auth, WebSocketSettings};
use cloverleaf_realms::WampService;
use cloverleaf_realms::settings::{Admission, Anonymous};
use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_transport::outbound::HighWaterMark;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_web::WebSocketPurpose;

use super::{Context, realms};

/// WAMP with these serializers, messages of at most `max_message` bytes, and this `auth`.
pub(super) fn wamp_service(
    context: &Context<'_>,
    serializers: &[Serializer],
    max_message: usize,
    auth: &Auth,
    slow_consumer: config::SlowConsumerPolicy,
) -> WampService {
    WampService {
        realms: Arc::clone(context.realms),
        admission: Arc::new(admission(auth)),
        serializers: serializers.to_vec(),
        limits: Arc::new(context.connection_limits()),
        high_water_mark: high_water_mark(&context.limits),
        max_message,
        slow_consumer: realms::slow_consumer(slow_consumer),
        announces_agent: true,
        memory: context.memory.clone(),
    }
}

/// WAMP over a WebSocket.
pub(super) fn wamp_endpoint(
    context: &Context<'_>,
    serializers: &[Serializer],
    options: &WebSocketSettings,
    auth: &Auth,
    slow_consumer: config::SlowConsumerPolicy,
) -> WebSocketPurpose {
    let limit = max_message(options.max_message_size);
    WebSocketPurpose::Wamp(Arc::new(WampService {
        announces_agent: options.show_server_version != Some(false),
        ..wamp_service(context, serializers, limit, auth, slow_consumer)
    }))
}

/// The limit of the queue of a session.
pub(super) const fn high_water_mark(limits: &config::ListenerLimits) -> HighWaterMark {
    HighWaterMark { bytes: limits.max_queue_bytes, messages: limits.max_queue_messages }
}

/// The limit of the length of a message, in bytes.
pub(super) fn max_message(configured: Option<u32>) -> usize {
    configured.map_or(DEFAULT_MAX_MESSAGE, |limit| limit as usize)
}

fn admission(auth: &Auth) -> Admission {
    let anonymous = &auth.anonymous;
    Admission::default().with_method(Anonymous {
        realm: anonymous.realm.as_deref().map(Into::into),
        role: Some(anonymous.role.as_str().into()),
        authid: anonymous.authid.as_deref().map(Into::into),
    })
}
