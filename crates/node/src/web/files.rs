//! The files of a directory, by tower-http: conditional requests, ranges, media types.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::{BodyExt as _, Either};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Uri};
use tower_http::services::{ServeDir, fs::ServeFileSystemResponseBody};
use tower_service::Service as _;

use super::visits::Visit;
use super::{Body, routes};

/// A directory that is served.
#[derive(Debug)]
pub(crate) struct Files {
    directory: ServeDir,
    cache: Option<HeaderValue>,
    /// Media types by extension with its dot, besides the usual ones.
    media_types: Vec<(String, HeaderValue)>,
    default_file: Option<String>,
}

impl Files {
    pub(crate) fn new(
        root: &Path,
        cache_timeout: Option<Duration>,
        media_types: Vec<(String, HeaderValue)>,
        default_file: Option<String>,
    ) -> Self {
        let cache = cache_timeout.and_then(|timeout| {
            HeaderValue::from_str(&format!("max-age={}", timeout.as_secs())).ok()
        });
        let directory = ServeDir::new(root).append_index_html_on_directories(true);
        Self { directory, cache, media_types, default_file }
    }

    /// Answers with the file at what of the path begins at `at`.
    pub(super) async fn answer(
        &self,
        request: Request<()>,
        at: usize,
        visit: &Arc<Visit>,
    ) -> Response<Body> {
        let (before, rest) = request.uri().path().split_at(at);
        let before = before.to_owned();
        let path = self.with_default_file(if rest.is_empty() { "/" } else { rest });
        let Some(request) = at_path(request, &path) else { return routes::not_found() };
        let mut response = match self.directory.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let headers = response.headers_mut();
        if (status.is_success() || status == StatusCode::NOT_MODIFIED)
            && let Some(cache) = &self.cache
        {
            headers.insert(CACHE_CONTROL, cache.clone());
        }
        if status.is_success()
            && let Some((_, media_type)) =
                self.media_types.iter().find(|(extension, _)| path.ends_with(extension.as_str()))
        {
            headers.insert(CONTENT_TYPE, media_type.clone());
        }
        if let Some(location) = headers.get(LOCATION).and_then(|to| below(&before, to)) {
            headers.insert(LOCATION, location);
        }
        let visit = Arc::clone(visit);
        response.map(|body| into_body(body, visit))
    }

    /// The path of a directory with the file that stands for it, if it has one of its own.
    fn with_default_file(&self, path: &str) -> String {
        match &self.default_file {
            Some(file) if path.ends_with('/') => format!("{path}{file}"),
            _ => path.to_owned(),
        }
    }
}

/// Where a redirection within the directory leads in the eyes of the client, who has the directory
/// below `before`. One slash at the beginning, since two would be another host.
fn below(before: &str, location: &HeaderValue) -> Option<HeaderValue> {
    let path = location.to_str().ok()?.trim_start_matches('/');
    HeaderValue::from_str(&format!("{before}/{path}")).ok()
}

/// The body of an answer; each piece of it is a sign that the client goes on reading.
fn into_body(body: ServeFileSystemResponseBody, visit: Arc<Visit>) -> Body {
    let counted = body.map_frame(move |frame| {
        visit.pieces.fetch_add(1, Ordering::Relaxed);
        frame
    });
    Either::Right(counted.boxed_unsync())
}

/// The request with another path and an empty body, which GET and HEAD have anyway.
fn at_path(request: Request<()>, path: &str) -> Option<Request<()>> {
    let (mut parts, body) = request.into_parts();
    let path_and_query = match parts.uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok()?,
        None => PathAndQuery::try_from(path).ok()?,
    };
    parts.uri = Uri::from(path_and_query);
    Some(Request::from_parts(parts, body))
}
