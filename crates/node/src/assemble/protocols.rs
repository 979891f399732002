//! The protocols of listeners.

use std::sync::Arc;

use cloverleaf_config::settings::{
    ListeningTransport, UniversalTransport, WebOptions, WebSocketSettings,
};
use cloverleaf_web::{HttpOptions, HttpServer, Routes, Service, Timeouts, WebSocketPurpose};

use super::wamp::{max_message, wamp_endpoint, wamp_service};
use super::web::{self, header};
use super::websocket::websocket_endpoint;
use super::{Context, Existing};
use crate::accept::Protocol;
use crate::error::ApplyError;

/// The routes of an HTTP server and its options.
type Http = (Routes, HttpOptions);

/// A protocol that is ready, and the change of an HTTP server that it keeps.
#[derive(Debug)]
pub(crate) struct Assembled {
    protocol: Protocol,
    replacement: Option<(Arc<HttpServer>, Http)>,
}

impl Assembled {
    /// Puts it into effect; cannot fail.
    pub(crate) fn commit(self) -> Protocol {
        if let Some((server, (routes, options))) = self.replacement {
            server.replace(routes, options);
        }
        self.protocol
    }
}

/// Assembles the protocol of a transport. A listener that `existing` describes keeps its HTTP
/// server, and the services of it that have not changed, with their sessions.
///
/// # Errors
/// When a session of the HTTP bridge can't join, or a value can't stand in an HTTP header.
pub(crate) fn assemble(
    context: &Context<'_>,
    transport: &ListeningTransport,
    existing: Option<Existing<'_>>,
) -> Result<Assembled, ApplyError> {
    let context = &Context { limits: transport.limits(), ..*context };
    let server = existing.and_then(|existing| existing.protocol.http()).map(Arc::clone);
    let protocol = match transport {
        ListeningTransport::RawSocket(rawsocket) => Protocol::RawSocket(Arc::new(wamp_service(
            context,
            &rawsocket.serializers,
            max_message(rawsocket.max_message_size),
            &rawsocket.auth,
            rawsocket.slow_consumer,
        ))),
        ListeningTransport::StreamTestee(_) => Protocol::Echo,
        ListeningTransport::WebSocket(websocket) => {
            let endpoint = wamp_endpoint(
                context,
                &websocket.serializers,
                &websocket.options,
                &websocket.auth,
                websocket.slow_consumer,
            );
            return Ok(serve_web(
                context,
                server,
                websocket_everywhere(context, endpoint, &websocket.options),
            ));
        }
        ListeningTransport::WebSocketTestee(testee) => {
            let endpoint = WebSocketPurpose::Echo(context.memory.clone());
            return Ok(serve_web(
                context,
                server,
                websocket_everywhere(context, endpoint, &testee.options),
            ));
        }
        ListeningTransport::Web(web) => {
            let routes = web::routes(context, &web.paths, existing)?;
            let options = http_options(context, &web.options)?;
            return Ok(serve_web(context, server, (routes, options)));
        }
        ListeningTransport::Universal(universal) => {
            return assemble_universal(context, universal, existing, server);
        }
    };
    Ok(Assembled { protocol, replacement: None })
}

fn assemble_universal(
    context: &Context<'_>,
    transport: &UniversalTransport,
    existing: Option<Existing<'_>>,
    server: Option<Arc<HttpServer>>,
) -> Result<Assembled, ApplyError> {
    let rawsocket = transport.rawsocket.as_ref().map(|rawsocket| {
        let limit = max_message(rawsocket.max_message_size);
        let (serializers, auth) = (&rawsocket.serializers, &rawsocket.auth);
        Arc::new(wamp_service(context, serializers, limit, auth, rawsocket.slow_consumer))
    });
    let Some(web) = &transport.web else {
        let protocol = Protocol::Detected { rawsocket, http: None };
        return Ok(Assembled { protocol, replacement: None });
    };
    let http = (web::routes(context, &web.paths, existing)?, http_options(context, &web.options)?);
    let (http, replacement) = keep_server(context, server, http);
    Ok(Assembled { protocol: Protocol::Detected { rawsocket, http: Some(http) }, replacement })
}

fn serve_web(context: &Context<'_>, server: Option<Arc<HttpServer>>, http: Http) -> Assembled {
    let (server, replacement) = keep_server(context, server, http);
    Assembled { protocol: Protocol::Http(server), replacement }
}

/// The existing server, with a replacement of its routes and options; or a new server.
fn keep_server(
    context: &Context<'_>,
    server: Option<Arc<HttpServer>>,
    (routes, options): Http,
) -> (Arc<HttpServer>, Option<(Arc<HttpServer>, Http)>) {
    match server {
        Some(server) => (Arc::clone(&server), Some((server, (routes, options)))),
        None => {
            let (memory, in_flight) = (context.memory.clone(), Arc::clone(context.in_flight));
            (Arc::new(HttpServer::new(routes, options, memory, in_flight)), None)
        }
    }
}

/// A WebSocket at every path.
fn websocket_everywhere(
    context: &Context<'_>,
    endpoint: WebSocketPurpose,
    options: &WebSocketSettings,
) -> Http {
    let service = Service::WebSocket(websocket_endpoint(endpoint, options));
    let mut http = default_options(context);
    if let Some(opening) = options.open_handshake_timeout {
        http.timeouts.opening = opening;
    }
    (Routes::everywhere(service), http)
}

fn http_options(context: &Context<'_>, options: &WebOptions) -> Result<HttpOptions, ApplyError> {
    let mut http = default_options(context);
    http.access_log = options.access_log;
    if options.hsts {
        http.hsts = Some(header(&format!("max-age={}", options.hsts_max_age.as_secs()))?);
    }
    if let Some(timeout) = options.client_timeout {
        http.timeouts = http.timeouts.with_client_timeout(timeout);
    }
    Ok(http)
}

fn default_options(context: &Context<'_>) -> HttpOptions {
    HttpOptions {
        access_log: false,
        fast_path: context.tuning.has_fast_path(),
        hsts: None,
        timeouts: Timeouts {
            opening: context.limits.opening_timeout,
            stall: context.limits.stall_timeout,
            ..Timeouts::DEFAULT
        },
    }
}
