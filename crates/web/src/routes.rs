//! The services of a listener by path: one path segment, one service. `/` takes all other paths.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_http_bridge::Bridge;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode};

use crate::access_log::SecretInPath;
use crate::connections::HttpConnection;
use crate::response::{Body, full, has_one_host, not_found, wrong_host};
use crate::service::{Files, JsonValue, LongPoll, WebSocketEndpoint, welcome};
use crate::{request_body, response_body};

/// The segment of the service for all paths without a service of their own.
const ROOT: &str = "/";

/// The service at a path.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "each service is allocated on its own, and one indirection less serves calls faster"
)]
pub enum Service {
    /// The HTTP bridge: calls or publications.
    Bridge(Bridge),
    /// A WebSocket.
    WebSocket(WebSocketEndpoint),
    /// WAMP over HTTP long-polling.
    LongPoll(Box<LongPoll>),
    /// The files of a directory.
    Files(Files),
    /// One JSON value.
    Json(JsonValue),
    /// A redirection to another address.
    Redirect(HeaderValue),
    /// The page of the node without configuration.
    Welcome,
    /// More paths.
    Path(Routes),
}

/// A path segment and its service. The segment `/` stands for all others.
pub type Segment = (String, Arc<Service>);

/// Services by the first segment of the path.
#[derive(Debug, Default)]
pub struct Routes {
    by_segment: BTreeMap<String, Arc<Service>>,
    root: Option<Arc<Service>>,
}

impl FromIterator<Segment> for Routes {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut routes = Self::default();
        for (segment, service) in segments {
            if segment == ROOT {
                routes.root = Some(service);
            } else {
                routes.by_segment.insert(segment, service);
            }
        }
        routes
    }
}

impl Routes {
    /// One service for every path.
    pub fn everywhere(service: Service) -> Self {
        Self { by_segment: BTreeMap::new(), root: Some(Arc::new(service)) }
    }

    /// The service that is configured for these segments, one below the other.
    pub fn service(&self, segments: &[&str]) -> Option<Arc<Service>> {
        let (segment, rest) = segments.split_first()?;
        let service = match *segment {
            ROOT => self.root.as_ref()?,
            segment => self.by_segment.get(segment)?,
        };
        match (rest, &**service) {
            ([], _) => Some(Arc::clone(service)),
            (rest, Service::Path(routes)) => routes.service(rest),
            _ => None,
        }
    }

    /// Whether there is a [`Service::Bridge`] at any path.
    pub(crate) fn have_bridge(&self) -> bool {
        self.by_segment.values().chain(&self.root).any(|service| match &**service {
            Service::Bridge(_) => true,
            Service::Path(routes) => routes.have_bridge(),
            _ => false,
        })
    }

    /// Finds the service for `path` and the offset of the unmatched suffix.
    pub(crate) fn find(&self, path: &str) -> Option<(&Service, usize)> {
        self.find_from(path, 0)
    }

    fn find_from(&self, path: &str, start: usize) -> Option<(&Service, usize)> {
        let rest = &path[start..];
        let slash = usize::from(rest.starts_with('/'));
        let end = rest[slash..].find('/').map_or(rest.len(), |end| slash + end);
        let (service, at) = match self.by_segment.get(&rest[slash..end]) {
            Some(service) => (service, start + end),
            None => (self.root.as_ref()?, start),
        };
        match &**service {
            Service::Path(routes) => routes.find_from(path, at),
            service => Some((service, at)),
        }
    }
}

impl Service {
    /// Responds to a request. `at` is the offset of the suffix of its path that [`Routes::find`]
    /// has not matched.
    pub(crate) async fn respond(
        &self,
        request: Request<Incoming>,
        at: usize,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        match self {
            Self::Bridge(bridge) => return call_or_publish(bridge, request, connection).await,
            Self::LongPoll(longpoll) if has_one_host(&request) => {
                return longpoll.respond(request, at, connection).await;
            }
            _ => {}
        }
        let request = request_body::discard_body(request, connection).await;
        match self {
            // The handshake of a WebSocket has its own refusal of a wrong `Host`.
            Self::WebSocket(endpoint) => endpoint.respond(request, connection),
            _ if !has_one_host(&request) => wrong_host(),
            Self::Files(files) => files.respond(request, at, connection).await,
            Self::Json(value) => value.respond(&request, connection),
            Self::Welcome => welcome::respond(&request, &request.uri().path()[at..]),
            Self::Redirect(to) => {
                let mut response = Response::new(full(Bytes::new()));
                *response.status_mut() = StatusCode::FOUND;
                response.headers_mut().insert(LOCATION, to.clone());
                response
            }
            // `Routes::find` never returns a path, and the others have answered above.
            Self::Path(_) | Self::Bridge(_) | Self::LongPoll(_) => not_found(),
        }
    }
}

/// The part of a path that is not logged: the id of a long-poll session, which is at `at`.
pub(crate) fn secret_in_path(found: Option<(&Service, usize)>, path: &str) -> SecretInPath {
    match found {
        Some((Service::LongPoll(_), at)) => match path[at..].strip_prefix('/') {
            None | Some("" | "open") => SecretInPath::Nothing,
            Some(_) => SecretInPath::SegmentAt(at + 1),
        },
        _ => SecretInPath::Nothing,
    }
}

/// Responds to a request to the HTTP bridge. On the hot path.
pub(crate) async fn call_or_publish(
    bridge: &Bridge,
    request: Request<Incoming>,
    connection: &Arc<HttpConnection>,
) -> Response<Body> {
    let has_one_host = has_one_host(&request);
    let (parts, incoming) = request.into_parts();
    let body = request_body::read(incoming, bridge.body_limit(), connection).await;
    if !has_one_host {
        return wrong_host();
    }
    let reply = bridge.handle(&parts, connection.request_peer, body, SystemTime::now()).await;
    reply.into_response().map(|body| response_body::owned(body, connection))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::header::HeaderValue;

    use super::{Routes, Service};

    fn to(name: &'static str) -> Arc<Service> {
        Arc::new(Service::Redirect(HeaderValue::from_static(name)))
    }

    fn found<'a>(routes: &'a Routes, path: &'a str) -> Option<(&'a str, &'a str)> {
        routes.find(path).map(|(service, at)| match service {
            Service::Redirect(name) => (name.to_str().unwrap_or_default(), &path[at..]),
            other => panic!("{other:?} was found at {path}"),
        })
    }

    #[test]
    fn first_segment_selects_the_service() {
        let routes: Routes =
            [("call".to_owned(), to("caller")), ("/".to_owned(), to("root"))].into_iter().collect();
        assert_eq!(found(&routes, "/call"), Some(("caller", "")));
        assert_eq!(found(&routes, "/call/"), Some(("caller", "/")));
        assert_eq!(found(&routes, "/call/deeper"), Some(("caller", "/deeper")));
        assert_eq!(found(&routes, "/caller"), Some(("root", "/caller")));
        assert_eq!(found(&routes, "/"), Some(("root", "/")));
    }

    #[test]
    fn unmatched_path_without_a_root_is_not_found() {
        let routes: Routes = [("call".to_owned(), to("caller"))].into_iter().collect();
        assert_eq!(found(&routes, "/"), None);
        assert_eq!(found(&routes, "/other"), None);
    }

    #[test]
    fn paths_can_be_nested() {
        let inner: Routes =
            [("call".to_owned(), to("inner")), ("/".to_owned(), to("api"))].into_iter().collect();
        let routes: Routes =
            [("api".to_owned(), Arc::new(Service::Path(inner)))].into_iter().collect();
        assert_eq!(found(&routes, "/api/call"), Some(("inner", "")));
        assert_eq!(found(&routes, "/api/other"), Some(("api", "/other")));
        assert_eq!(found(&routes, "/api"), Some(("api", "")));
    }
}
