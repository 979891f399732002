//! From the settings of a transport to what its connections speak.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloverleaf_client::Session;
use cloverleaf_config::settings::{
    self as config, Auth, BridgeService, ListeningTransport, LongPollService, StaticService,
    UniversalTransport, WebOptions, WebPath, WebService, WebSocketService, WebSocketSettings,
};
use cloverleaf_http_bridge::{
    AddressFilter, Bridge, BridgeSettings, MAX_NONCES, Resource, SigningKey,
};
use cloverleaf_router::Admission;
use cloverleaf_router::admission::Anonymous;
use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_transport::longpoll::Patience;
use cloverleaf_transport::outbound::RefusesFrom;
use cloverleaf_wamp::features::HTTP_BRIDGE;
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_wamp::serializer::Serializer;
use hyper::header::HeaderValue;

use super::websocket::websocket_endpoint;
use super::{StartError, realms};
use crate::listen::{Protocol, Universal, WampService};
use crate::local;
use crate::memory::Memory;
use crate::realms::Realms;
use crate::tuning::Tuning;
use crate::web::{
    Endpoint, FileOptions, Files, JsonValue, LongPoll, Routes, Segment, Service, Timeouts, Visits,
    WebSite, WebSocketEndpoint,
};

/// Builds what one listener serves.
pub(super) struct Builder<'a> {
    realms: &'a Arc<Realms>,
    in_flight: &'a Arc<AtomicUsize>,
    tuning: Tuning,
    memory: &'a Memory,
    /// The sessions of the HTTP bridge that were opened on the way.
    pub(super) local: Vec<Session>,
}

impl<'a> Builder<'a> {
    pub(super) const fn new(
        realms: &'a Arc<Realms>,
        in_flight: &'a Arc<AtomicUsize>,
        tuning: Tuning,
        memory: &'a Memory,
    ) -> Self {
        Self { realms, in_flight, tuning, memory, local: Vec::new() }
    }

    pub(super) fn protocol(
        &mut self,
        transport: &ListeningTransport,
    ) -> Result<Protocol, StartError> {
        Ok(match transport {
            ListeningTransport::RawSocket(rawsocket) => Protocol::RawSocket(Arc::new(self.wamp(
                &rawsocket.serializers,
                max_message(rawsocket.max_message_size),
                &rawsocket.auth,
                rawsocket.slow_consumer,
            ))),
            ListeningTransport::WebSocket(websocket) => {
                let endpoint = self.websocket(
                    &websocket.serializers,
                    &websocket.options,
                    &websocket.auth,
                    websocket.slow_consumer,
                );
                self.websockets(endpoint, &websocket.options)
            }
            ListeningTransport::WebSocketTestee(testee) => {
                let endpoint =
                    websocket_endpoint(Endpoint::Echo(self.memory.clone()), &testee.options);
                self.websockets(endpoint, &testee.options)
            }
            ListeningTransport::StreamTestee(_) => Protocol::Echo,
            ListeningTransport::Web(web) => {
                let routes = self.routes(&web.paths)?;
                Protocol::Web(Arc::new(self.web(routes, &web.options)?))
            }
            ListeningTransport::Universal(universal) => {
                Protocol::Universal(Arc::new(self.universal(universal)?))
            }
        })
    }

    fn universal(&mut self, transport: &UniversalTransport) -> Result<Universal, StartError> {
        let rawsocket = transport.rawsocket.as_ref().map(|rawsocket| {
            let limit = max_message(rawsocket.max_message_size);
            self.wamp(&rawsocket.serializers, limit, &rawsocket.auth, rawsocket.slow_consumer)
        });
        let site = match &transport.web {
            Some(web) => {
                let routes = self.routes(&web.paths)?;
                Some(Arc::new(self.web(routes, &web.options)?))
            }
            None => None,
        };
        Ok(Universal { rawsocket, site })
    }

    /// WebSockets at every path.
    fn websockets(&self, endpoint: WebSocketEndpoint, options: &WebSocketSettings) -> Protocol {
        let mut site = self.site(Routes::everywhere(Service::WebSocket(endpoint)));
        if let Some(opening) = options.open_handshake_timeout {
            site.timeouts.opening = opening;
        }
        Protocol::Web(Arc::new(site))
    }

    fn web(&self, routes: Routes, options: &WebOptions) -> Result<WebSite, StartError> {
        let mut site = self.site(routes);
        site.access_log = options.access_log;
        if options.hsts {
            site.hsts = Some(header(&format!("max-age={}", options.hsts_max_age.as_secs()))?);
        }
        if let Some(timeout) = options.client_timeout {
            site.timeouts = Timeouts::of_clients(timeout);
        }
        Ok(site)
    }

    fn site(&self, routes: Routes) -> WebSite {
        WebSite {
            routes,
            access_log: false,
            short_way: self.tuning.has_short_way(),
            hsts: None,
            timeouts: Timeouts::USUAL,
            visits: Visits::new(self.memory.clone()),
            in_flight: Arc::clone(self.in_flight),
        }
    }

    fn wamp(
        &self,
        serializers: &[Serializer],
        max_message: usize,
        auth: &Auth,
        slow_consumer: config::SlowConsumerPolicy,
    ) -> WampService {
        WampService {
            realms: Arc::clone(self.realms),
            admission: Arc::new(admission(auth)),
            serializers: serializers.to_vec(),
            max_message,
            slow_consumer: realms::slow_consumer(slow_consumer),
            tells_agent: true,
            memory: self.memory.clone(),
        }
    }

    fn websocket(
        &self,
        serializers: &[Serializer],
        options: &WebSocketSettings,
        auth: &Auth,
        slow_consumer: config::SlowConsumerPolicy,
    ) -> WebSocketEndpoint {
        let limit = max_message(options.max_message_size);
        let wamp = WampService {
            tells_agent: options.show_server_version != Some(false),
            ..self.wamp(serializers, limit, auth, slow_consumer)
        };
        websocket_endpoint(Endpoint::Wamp(Arc::new(wamp)), options)
    }

    fn longpoll(&self, service: &LongPollService) -> LongPoll {
        let options = &service.options;
        let limit = max_message(options.max_message_size);
        LongPoll {
            wamp: self.wamp(&service.serializers, limit, &service.auth, service.slow_consumer),
            origins: OriginRule::new(&options.allowed_origins, options.allow_null_origin),
            patience: Patience {
                receive: options.request_timeout,
                session: options.session_timeout,
            },
            refuses_from: RefusesFrom {
                bytes: options.queue_limit_bytes,
                messages: options.queue_limit_messages,
            },
            sessions: Arc::default(),
        }
    }

    fn routes(&mut self, paths: &[WebPath]) -> Result<Routes, StartError> {
        paths.iter().map(|path| self.segment(path)).collect()
    }

    fn segment(&mut self, path: &WebPath) -> Result<Segment, StartError> {
        let service = match &path.service {
            WebService::Static(files) => Service::Files(static_files(files)?),
            WebService::WebSocket(WebSocketService {
                serializers,
                options,
                auth,
                slow_consumer,
                ..
            }) => Service::WebSocket(self.websocket(serializers, options, auth, *slow_consumer)),
            WebService::LongPoll(longpoll) => Service::LongPoll(Box::new(self.longpoll(longpoll))),
            WebService::Caller(bridge) => self.bridge(Resource::Caller, &path.id, bridge)?,
            WebService::Publisher(bridge) => self.bridge(Resource::Publisher, &path.id, bridge)?,
            WebService::Path(paths) => Service::Path(self.routes(paths)?),
            WebService::Json(json) => Service::Json(json_value(json)?),
            WebService::Redirect(url) => Service::Redirect(header(url)?),
            WebService::Welcome => Service::Welcome,
        };
        Ok((path.path.clone(), service))
    }

    /// A bridge has one session, which joins its realm now.
    fn bridge(
        &mut self,
        resource: Resource,
        id: &str,
        service: &BridgeService,
    ) -> Result<Service, StartError> {
        let realm = self.realms.configured(&service.realm)?;
        let (session, driver) = local::join(realm, &service.realm, id, &service.role, HTTP_BRIDGE)?;
        tokio::spawn(driver);
        self.local.push(session.clone());
        let settings = bridge_settings(&service.options);
        Ok(Service::Bridge(Box::new(Bridge::new(session, resource, settings))))
    }
}

pub(super) fn max_message(configured: Option<u32>) -> usize {
    configured.map_or(DEFAULT_MAX_MESSAGE, |limit| limit as usize)
}

fn admission(auth: &Auth) -> Admission {
    let anonymous = &auth.anonymous;
    Admission {
        anonymous: Some(Anonymous {
            realm: anonymous.realm.as_deref().map(Into::into),
            role: Some(anonymous.role.as_str().into()),
            authid: anonymous.authid.as_deref().map(Into::into),
        }),
    }
}

fn static_files(files: &StaticService) -> Result<Files, StartError> {
    let options = &files.options;
    let media_types = options
        .mime_types
        .iter()
        .map(|(extension, media_type)| Ok((extension.clone(), header(media_type)?)))
        .collect::<Result<_, StartError>>()?;
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

fn json_value(json: &config::JsonService) -> Result<JsonValue, StartError> {
    let text = if json.options.prettify {
        serde_json::to_vec_pretty(&json.value)
    } else {
        serde_json::to_vec(&json.value)
    };
    Ok(JsonValue {
        text: text.map_err(|error| StartError::Web(error.to_string()))?.into(),
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
        remembered_nonces: options.refuse_replays.then_some(MAX_NONCES),
        require_ip: (!networks.is_empty()).then(|| {
            AddressFilter::new(move |address| networks.iter().any(|net| net.contains(address)))
        }),
        require_tls: options.require_tls,
        error_status: options.error_status,
        allowed_origins: options.allowed_origins.iter().cloned().collect(),
    }
}

fn header(text: &str) -> Result<HeaderValue, StartError> {
    HeaderValue::from_str(text)
        .map_err(|_| StartError::Web(format!("'{text}' can't stand in an HTTP header")))
}
