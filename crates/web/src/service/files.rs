//! The files of a directory, by tower-http: conditional requests, ranges, media types.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RANGE,
};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Uri};
use tower_http::services::ServeDir;
use tower_http::services::fs::{DefaultServeDirFallback, ServeFileSystemResponseBody};
use tower_service::Service as _;

use crate::connections::HttpConnection;
use crate::response::Body;

mod directory;
mod ranges;

use directory::ServedDirectory;
use ranges::RangeVerdict;

/// The file that is served for a directory, and the alternatives if it is missing.
const INDEX: &str = "index.html";
const OTHER_INDEXES: [&str; 2] = ["index.htm", "index"];

const HTML: HeaderValue = HeaderValue::from_static("text/html");
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// How the files of a directory are served.
#[derive(Debug, Default)]
pub struct FileOptions {
    /// How long clients may cache a file. None: no header says so.
    pub cache_timeout: Option<Duration>,
    /// Media types by the end of a file name, such as `.md`, besides the common ones.
    pub media_types: Vec<(String, HeaderValue)>,
    /// The file that is served if none is found.
    pub default_file: Option<String>,
    /// Whether pages of every origin may read the files.
    pub allow_cross_origin: bool,
    /// Whether symbolic links may lead out of the directory.
    pub follow_symlinks: bool,
    /// Whether files are served whose name, or a directory's in their path, begins with a dot.
    pub dotfiles: bool,
}

/// The files of a directory.
#[derive(Debug)]
pub struct Files {
    directory: ServeDir<DefaultServeDirFallback, ServedDirectory>,
    cache: Option<HeaderValue>,
    /// Sorted by the length of the ending, the longest first.
    media_types: Vec<(String, HeaderValue)>,
    /// The path of the default file.
    default_file: Option<String>,
    allow_cross_origin: bool,
}

/// A response and the path of its file.
struct FoundFile {
    response: Response<ServeFileSystemResponseBody>,
    path: String,
    is_default: bool,
}

impl Files {
    /// Serves the files below `root`.
    pub fn new(root: &Path, mut options: FileOptions) -> Self {
        let cache = options.cache_timeout.and_then(|timeout| {
            HeaderValue::from_str(&format!("max-age={}", timeout.as_secs())).ok()
        });
        let directory = ServedDirectory::new(root, options.follow_symlinks, options.dotfiles);
        options.media_types.sort_by_key(|(ending, _)| std::cmp::Reverse(ending.len()));
        Self {
            directory: ServeDir::with_backend(root, directory),
            cache,
            media_types: options.media_types,
            default_file: options.default_file.as_deref().map(as_path),
            allow_cross_origin: options.allow_cross_origin,
        }
    }

    /// Responds with the file at the part of the path that begins at `at`.
    pub(crate) async fn respond(
        &self,
        request: Request<()>,
        at: usize,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        let (before, rest) = request.uri().path().split_at(at);
        let path = if rest.is_empty() { "/" } else { rest };
        let FoundFile { mut response, path, is_default } = self.find(&request, path).await;
        let status = response.status();
        let headers = response.headers_mut();
        if (status.is_success() || status == StatusCode::NOT_MODIFIED)
            && let Some(cache) = &self.cache
        {
            let cache = if is_default { ASK_EACH_TIME } else { cache.clone() };
            headers.insert(CACHE_CONTROL, cache);
        }
        if status.is_success()
            && let Some(media_type) = self.media_type(&path)
        {
            headers.insert(CONTENT_TYPE, media_type);
        }
        if self.allow_cross_origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
        }
        if let Some(location) = headers.get(LOCATION).and_then(|to| below(before, to)) {
            headers.insert(LOCATION, location);
        }
        let connection = Arc::clone(connection);
        response.map(|body| into_body(body, connection))
    }

    /// Looks for a file, for an index of a directory, and for the default file, in this order.
    async fn find(&self, request: &Request<()>, path: &str) -> FoundFile {
        let is_directory = path.ends_with('/');
        let response = self.serve(request, path).await;
        if response.status() != StatusCode::NOT_FOUND {
            let path = if is_directory { format!("{path}{INDEX}") } else { path.to_owned() };
            return FoundFile { response, path, is_default: false };
        }
        let indexes = OTHER_INDEXES.iter().filter(|_| is_directory);
        let indexes = indexes.map(|name| (format!("{path}{name}"), false));
        let default = self.default_file.iter().map(|path| (path.clone(), true));
        for (path, is_default) in indexes.chain(default) {
            let response = self.serve(request, &path).await;
            if response.status() != StatusCode::NOT_FOUND {
                return FoundFile { response, path, is_default };
            }
        }
        FoundFile { response, path: path.to_owned(), is_default: false }
    }

    async fn serve(
        &self,
        request: &Request<()>,
        path: &str,
    ) -> Response<ServeFileSystemResponseBody> {
        let Some(uri) = at_path(request.uri(), path) else {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        };
        let range = ranges::understood(request);
        let response = self.serve_range(request, uri.clone(), range.clone()).await;
        let Some(range) = range else { return response };
        match ranges::judge(request.headers(), &range, &response) {
            RangeVerdict::Final => response,
            RangeVerdict::Again(range) => self.serve_range(request, uri, range).await,
        }
    }

    /// Serves a file with this `Range` in the place of the request's.
    async fn serve_range(
        &self,
        request: &Request<()>,
        uri: Uri,
        range: Option<HeaderValue>,
    ) -> Response<ServeFileSystemResponseBody> {
        let mut asked = Request::new(());
        *asked.method_mut() = request.method().clone();
        *asked.uri_mut() = uri;
        let headers = asked.headers_mut();
        headers.clone_from(request.headers());
        match range {
            Some(range) => drop(headers.insert(RANGE, range)),
            None => drop(headers.remove(RANGE)),
        }
        match self.directory.clone().call(asked).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// The media type of a file where it is not the usual one.
    fn media_type(&self, path: &str) -> Option<HeaderValue> {
        let configured = self.media_types.iter().find(|(ending, _)| path.ends_with(ending));
        let configured = configured.map(|(_, media_type)| media_type.clone());
        configured.or_else(|| path.ends_with("/index").then_some(HTML))
    }
}

/// The path of a file by its name within the directory.
fn as_path(name: &str) -> String {
    use std::fmt::Write as _;
    let mut path = "/".to_owned();
    for byte in name.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// A `Location` within the directory, prefixed with the directory's public path `before`. One slash
/// at the beginning, since two would be another host.
fn below(before: &str, location: &HeaderValue) -> Option<HeaderValue> {
    let path = location.to_str().ok()?.trim_start_matches('/');
    HeaderValue::from_str(&format!("{before}/{path}")).ok()
}

/// The body of an answer; each piece of it is a sign that the client goes on reading.
fn into_body(body: ServeFileSystemResponseBody, connection: Arc<HttpConnection>) -> Body {
    let counted = body.map_frame(move |frame| {
        let taken = frame.data_ref().map_or(0, Bytes::len);
        connection.taken.fetch_add(taken, Ordering::Relaxed);
        frame
    });
    Either::Right(counted.boxed_unsync())
}

/// A request's target with another path.
fn at_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok()?,
        None => PathAndQuery::try_from(path).ok()?,
    };
    Some(Uri::from(path_and_query))
}
