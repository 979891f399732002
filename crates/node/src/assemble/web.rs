//! The services at the paths of an HTTP server.

use std::sync::Arc;

use cloverleaf_config::settings::{
    self as config, BridgeService, ListeningTransport, LongPollService, StaticService, WebPath,
    WebService, WebSocketService,
};
use cloverleaf_http_bridge::{AddressFilter, Bridge, BridgeSettings, Resource, SigningKey};
use cloverleaf_realms::local::{self, LocalIdentity};
use cloverleaf_transport::longpoll::LongPollTimeouts;
use cloverleaf_transport::outbound::HighWaterMark;
use cloverleaf_wamp::features::HTTP_BRIDGE;
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_web::{
    FileOptions, Files, HttpServer, JsonValue, LongPoll, Routes, Segment, Service,
};
use hyper::header::HeaderValue;

use super::wamp::{max_message, wamp_endpoint, wamp_service};
use super::websocket::websocket_endpoint;
use super::{Context, Existing};
use crate::error::ApplyError;

/// The services of a listener as they are now.
#[derive(Clone, Copy)]
struct Previous<'a> {
    server: &'a HttpServer,
    paths: &'a [WebPath],
    /// Its connections have the same limits.
    has_same_limits: bool,
}

/// The routes for these paths. Services that have not changed are those of the existing listener.
///
/// # Errors
/// When a session of the HTTP bridge can't join, or a value can't stand in an HTTP header.
pub(super) fn routes(
    context: &Context<'_>,
    paths: &[WebPath],
    existing: Option<Existing<'_>>,
) -> Result<Routes, ApplyError> {
    let previous = existing.and_then(|existing| {
        let server = existing.protocol.http()?;
        let paths = match existing.transport {
            ListeningTransport::Web(web) => &web.paths,
            ListeningTransport::Universal(universal) => &universal.web.as_ref()?.paths,
            _ => return None,
        };
        let has_same_limits =
            service_limits(&existing.transport.limits()) == service_limits(&context.limits);
        Some(Previous { server, paths, has_same_limits })
    });
    routes_below(context, paths, previous, &[])
}

/// The routes below a path, whose segments are `above`.
fn routes_below(
    context: &Context<'_>,
    paths: &[WebPath],
    previous: Option<Previous<'_>>,
    above: &[&str],
) -> Result<Routes, ApplyError> {
    paths.iter().map(|path| segment(context, path, previous, above)).collect()
}

fn segment(
    context: &Context<'_>,
    path: &WebPath,
    previous: Option<Previous<'_>>,
    above: &[&str],
) -> Result<Segment, ApplyError> {
    let segments = [above, &[path.path.as_str()]].concat();
    let before = previous.and_then(|previous| {
        let before = previous.paths.iter().find(|before| before.path == path.path)?;
        Some((previous, before))
    });
    let unchanged = before.and_then(|(previous, before)| {
        let is_same = before.service == path.service && !context.uses_replaced_realm(&path.service);
        previous.server.service(&segments).filter(|_| is_same)
    });
    let has_same_limits = previous.is_some_and(|previous| previous.has_same_limits);
    if let Some(service) = &unchanged
        && (has_same_limits || !is_limited(&path.service))
    {
        return Ok((path.path.clone(), Arc::clone(service)));
    }
    let service = match &path.service {
        WebService::Path(paths) => {
            let below = before.and_then(|(previous, before)| match &before.service {
                WebService::Path(paths) => Some(Previous { paths, ..previous }),
                _ => None,
            });
            Service::Path(routes_below(context, paths, below, &segments)?)
        }
        WebService::LongPoll(service) => {
            let mut longpoll = longpoll(context, service);
            if let Some(Service::LongPoll(before)) = unchanged.as_deref() {
                longpoll.sessions = Arc::clone(&before.sessions);
            }
            Service::LongPoll(Box::new(longpoll))
        }
        other => service(context, &path.id, other)?,
    };
    Ok((path.path.clone(), Arc::new(service)))
}

/// The limits that services apply.
const fn service_limits(limits: &config::ListenerLimits) -> config::ListenerLimits {
    // The accepting task applies this limit.
    config::ListenerLimits { max_connections: None, ..*limits }
}

/// Whether a service applies limits of its listener.
fn is_limited(service: &WebService) -> bool {
    match service {
        WebService::WebSocket(_) | WebService::LongPoll(_) => true,
        WebService::Path(paths) => paths.iter().any(|path| is_limited(&path.service)),
        _ => false,
    }
}

fn service(context: &Context<'_>, id: &str, service: &WebService) -> Result<Service, ApplyError> {
    Ok(match service {
        WebService::Static(files) => Service::Files(static_files(files)?),
        WebService::WebSocket(websocket) => {
            let WebSocketService { serializers, options, auth, slow_consumer, .. } = websocket;
            let endpoint = wamp_endpoint(context, serializers, options, auth, *slow_consumer);
            Service::WebSocket(websocket_endpoint(endpoint, options))
        }
        WebService::LongPoll(service) => Service::LongPoll(Box::new(longpoll(context, service))),
        WebService::Caller(service) => bridge(context, Resource::Caller, id, service)?,
        WebService::Publisher(service) => bridge(context, Resource::Publisher, id, service)?,
        WebService::Path(paths) => Service::Path(routes_below(context, paths, None, &[])?),
        WebService::Json(json) => Service::Json(json_value(json)?),
        WebService::Redirect(url) => Service::Redirect(header(url)?),
        WebService::Welcome => Service::Welcome,
    })
}

fn longpoll(context: &Context<'_>, service: &LongPollService) -> LongPoll {
    let LongPollService { serializers, auth, options, slow_consumer, .. } = service;
    let limit = max_message(options.max_message_size);
    LongPoll {
        wamp: wamp_service(context, serializers, limit, auth, *slow_consumer),
        origins: OriginRule::new(&options.allowed_origins, options.allow_null_origin),
        timeouts: LongPollTimeouts {
            opening: context.limits.opening_timeout,
            receive: options.request_timeout,
            session: options.session_timeout,
        },
        high_water_mark: HighWaterMark {
            bytes: options.queue_limit_bytes,
            messages: options.queue_limit_messages,
        },
        max_sessions: options.max_sessions,
        sessions: Arc::default(),
    }
}

/// A caller or publisher. Its session joins the realm now.
fn bridge(
    context: &Context<'_>,
    resource: Resource,
    id: &str,
    service: &BridgeService,
) -> Result<Service, ApplyError> {
    let realm = context.realm(&service.realm)?;
    let identity = LocalIdentity {
        authid: id,
        authrole: &service.role,
        roles: HTTP_BRIDGE,
        is_internal: true,
        has_independent_requests: true,
    };
    let (session, driver) = local::join(&realm, identity)?;
    tokio::spawn(driver);
    let settings = bridge_settings(&service.options);
    Ok(Service::Bridge(Bridge::new(session, resource, settings)))
}

fn static_files(files: &StaticService) -> Result<Files, ApplyError> {
    let options = &files.options;
    let media_types = options
        .mime_types
        .iter()
        .map(|(extension, media_type)| Ok((extension.clone(), header(media_type)?)))
        .collect::<Result<_, ApplyError>>()?;
    let options = FileOptions {
        cache_timeout: options.cache_timeout,
        media_types,
        default_file: options.default_file.clone(),
        allow_cross_origin: options.allow_cross_origin,
        follow_symlinks: options.follow_symlinks,
        dotfiles: options.dotfiles,
    };
    Ok(Files::new(&files.directory, options))
}

fn json_value(json: &config::JsonService) -> Result<JsonValue, ApplyError> {
    let text = if json.options.prettify {
        serde_json::to_vec_pretty(&json.value)
    } else {
        serde_json::to_vec(&json.value)
    };
    Ok(JsonValue {
        text: text.map_err(|error| ApplyError::Web(error.to_string()))?.into(),
        allow_cross_origin: json.options.allow_cross_origin,
        discourage_caching: json.options.discourage_caching,
    })
}

fn bridge_settings(options: &config::BridgeOptions) -> BridgeSettings {
    let networks = options.require_ip.clone();
    BridgeSettings {
        debug: options.debug,
        signed_with: options
            .signed_with
            .as_ref()
            .map(|key| SigningKey::new(key.key.as_str(), key.secret.reveal())),
        post_body_limit: options.post_body_limit.map(|limit| limit as usize),
        timestamp_delta_limit: options.timestamp_delta_limit,
        remembered_nonces: options.refuse_replays.then_some(options.max_nonces),
        require_ip: (!networks.is_empty()).then(|| {
            AddressFilter::new(move |address| networks.iter().any(|net| net.contains(address)))
        }),
        require_tls: options.require_tls,
        error_status: options.error_status,
        allowed_origins: options.allowed_origins.iter().cloned().collect(),
    }
}

/// A value of an HTTP header field.
pub(super) fn header(text: &str) -> Result<HeaderValue, ApplyError> {
    HeaderValue::from_str(text)
        .map_err(|_| ApplyError::Web(format!("'{text}' can't stand in an HTTP header")))
}

#[cfg(test)]
mod tests {
    use cloverleaf_config::settings::BridgeOptions;

    use super::bridge_settings;

    #[test]
    fn nonces_are_remembered_up_to_max_nonces_if_replays_are_refused() {
        for (refuse_replays, remembered) in [(true, Some(7)), (false, None)] {
            let options = BridgeOptions { refuse_replays, max_nonces: 7, ..Default::default() };
            assert_eq!(bridge_settings(&options).remembered_nonces, remembered);
        }
    }
}
