//! Which path is whose: one segment, one service; `/` takes what nobody else has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_http_bridge::Bridge;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, LOCATION,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::access_log::SecretInPath;
use super::visits::Visit;
use super::{Body, Files, LongPoll, WebSocketEndpoint, answers, body, full, welcome};

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Service {
    /// Calls or publications.
    Bridge(Box<Bridge>),
    /// A WebSocket.
    WebSocket(WebSocketEndpoint),
    /// WAMP over plain requests.
    LongPoll(Box<LongPoll>),
    /// The files of a directory.
    Files(Files),
    /// One JSON value.
    Json(JsonValue),
    /// Another address.
    Redirect(HeaderValue),
    /// The page of the node without configuration.
    Welcome,
    /// More paths.
    Path(Routes),
}

/// A JSON value with its headers.
#[derive(Debug)]
pub(crate) struct JsonValue {
    pub(crate) text: Bytes,
    pub(crate) allow_cross_origin: bool,
    pub(crate) discourage_caching: bool,
}

/// A segment of a path and its service.
pub(crate) type Segment = (String, Service);

/// The services of a listener by the first segment of the path.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_segment: BTreeMap<String, Service>,
    root: Option<Box<Service>>,
}

impl FromIterator<Segment> for Routes {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut routes = Self::default();
        for (segment, service) in segments {
            if segment == "/" {
                routes.root = Some(Box::new(service));
            } else {
                routes.by_segment.insert(segment, service);
            }
        }
        routes
    }
}

impl Routes {
    /// A listener with one service for every path.
    pub(crate) fn everywhere(service: Service) -> Self {
        Self { by_segment: BTreeMap::new(), root: Some(Box::new(service)) }
    }

    /// Whether calls or publications are served at any path.
    pub(super) fn lead_to_a_bridge(&self) -> bool {
        self.by_segment.values().chain(self.root.as_deref()).any(|service| match service {
            Service::Bridge(_) => true,
            Service::Path(routes) => routes.lead_to_a_bridge(),
            _ => false,
        })
    }

    /// The service of a path, and where in the path that begins which is left for it.
    pub(crate) fn find(&self, path: &str) -> Option<(&Service, usize)> {
        self.find_from(path, 0)
    }

    fn find_from(&self, path: &str, start: usize) -> Option<(&Service, usize)> {
        let rest = &path[start..];
        let slash = usize::from(rest.starts_with('/'));
        let end = rest[slash..].find('/').map_or(rest.len(), |end| slash + end);
        let (service, at) = match self.by_segment.get(&rest[slash..end]) {
            Some(service) => (service, start + end),
            None => (self.root.as_deref()?, start),
        };
        match service {
            Service::Path(routes) => routes.find_from(path, at),
            service => Some((service, at)),
        }
    }
}

impl Service {
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        at: usize,
        visit: &Arc<Visit>,
    ) -> Response<Body> {
        match self {
            Self::Bridge(bridge) => return call_or_publish(bridge, request, visit).await,
            Self::LongPoll(longpoll) if has_right_hosts(&request) => {
                return longpoll.answer(request, at, visit).await;
            }
            _ => {}
        }
        let request = body::pass_over(request, visit).await;
        match self {
            // A WebSocket's handshake has its own word for it.
            Self::WebSocket(endpoint) => endpoint.answer(request, &visit.from),
            _ if !has_right_hosts(&request) => wrong_hosts(),
            Self::Files(files) => files.answer(request, at, visit).await,
            Self::Json(value) => value.answer(&request, visit),
            Self::Welcome => welcome::answer(&request, &request.uri().path()[at..]),
            Self::Redirect(to) => {
                let mut response = Response::new(full(Bytes::new()));
                *response.status_mut() = StatusCode::FOUND;
                response.headers_mut().insert(LOCATION, to.clone());
                response
            }
            // `Routes::find` goes through to a service; those above have answered.
            Self::Path(_) | Self::Bridge(_) | Self::LongPoll(_) => not_found(),
        }
    }
}

/// The part of a path that is not logged: the id of a long-poll session, which is at `at`.
pub(super) fn secret_in_path(found: Option<(&Service, usize)>, path: &str) -> SecretInPath {
    match found {
        Some((Service::LongPoll(_), at)) => match path[at..].strip_prefix('/') {
            None | Some("" | "open") => SecretInPath::Nothing,
            Some(_) => SecretInPath::SegmentAt(at + 1),
        },
        _ => SecretInPath::Nothing,
    }
}

/// Answers a request to the HTTP bridge. Hot.
pub(super) async fn call_or_publish(
    bridge: &Bridge,
    request: Request<Incoming>,
    visit: &Arc<Visit>,
) -> Response<Body> {
    let has_right_hosts = has_right_hosts(&request);
    let (parts, incoming) = request.into_parts();
    let body = body::read(incoming, bridge.body_limit(), visit).await;
    if !has_right_hosts {
        return wrong_hosts();
    }
    let reply = bridge.handle(&parts, visit.facts, body, SystemTime::now()).await;
    reply.into_response().map(|body| answers::body(body, visit))
}

impl JsonValue {
    fn answer(&self, request: &Request<()>, visit: &Arc<Visit>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed();
        }
        let mut response = Response::new(answers::shared(self.text.clone(), visit));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        if self.allow_cross_origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if self.discourage_caching {
            let never = "no-store, no-cache, must-revalidate, max-age=0";
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(never));
        }
        response
    }
}

/// An answer in words.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

pub(super) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "Nothing is served at this path.\n")
}

/// The answer to a request for which there is no service.
pub(super) fn unrouted<B>(request: &Request<B>) -> Response<Body> {
    if has_right_hosts(request) { not_found() } else { wrong_hosts() }
}

/// Whether the request has one `Host` line, or none in HTTP/1.0 (RFC 9112 section 3.2).
fn has_right_hosts<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let is_missing = hosts.next().is_none();
    if is_missing { request.version() != Version::HTTP_11 } else { hosts.next().is_none() }
}

#[cold]
fn wrong_hosts() -> Response<Body> {
    text(StatusCode::BAD_REQUEST, "A request must have one header Host.\n")
}

pub(super) fn method_not_allowed() -> Response<Body> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::{Routes, Service};

    fn to(name: &'static str) -> Service {
        Service::Redirect(HeaderValue::from_static(name))
    }

    fn found<'a>(routes: &'a Routes, path: &'a str) -> Option<(&'a str, &'a str)> {
        routes.find(path).map(|(service, at)| match service {
            Service::Redirect(name) => (name.to_str().unwrap_or_default(), &path[at..]),
            other => panic!("{other:?} was found at {path}"),
        })
    }

    #[test]
    fn the_first_segment_names_the_service() {
        let routes: Routes =
            [("call".to_owned(), to("caller")), ("/".to_owned(), to("root"))].into_iter().collect();
        assert_eq!(found(&routes, "/call"), Some(("caller", "")));
        assert_eq!(found(&routes, "/call/"), Some(("caller", "/")));
        assert_eq!(found(&routes, "/call/deeper"), Some(("caller", "/deeper")));
        assert_eq!(found(&routes, "/caller"), Some(("root", "/caller")));
        assert_eq!(found(&routes, "/"), Some(("root", "/")));
    }

    #[test]
    fn without_a_root_the_rest_is_not_found() {
        let routes: Routes = [("call".to_owned(), to("caller"))].into_iter().collect();
        assert_eq!(found(&routes, "/"), None);
        assert_eq!(found(&routes, "/other"), None);
    }

    #[test]
    fn paths_can_stand_below_paths() {
        let inner: Routes =
            [("call".to_owned(), to("inner")), ("/".to_owned(), to("api"))].into_iter().collect();
        let routes: Routes = [("api".to_owned(), Service::Path(inner))].into_iter().collect();
        assert_eq!(found(&routes, "/api/call"), Some(("inner", "")));
        assert_eq!(found(&routes, "/api/other"), Some(("api", "/other")));
        assert_eq!(found(&routes, "/api"), Some(("api", "")));
    }
}
