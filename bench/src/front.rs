//! The HTTP server of both yardsticks: plain hyper, HTTP/1.1, default settings. It reads the body
//! of each request and answers 200 with JSON. It ignores paths and methods.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::frame::MAX_BODY;

/// The source of the answers.
pub trait Responder: Clone + Send + Sync + 'static {
    /// Returns the JSON text that answers `body`.
    fn answer(&self, body: Bytes) -> impl Future<Output = io::Result<Bytes>> + Send;
}

/// Serves every connection to `address` until accepting fails.
///
/// # Errors
/// Errors of binding and of accepting.
pub async fn serve(address: &str, responder: impl Responder) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve_connection(stream, responder.clone()));
    }
}

async fn serve_connection(stream: TcpStream, responder: impl Responder) {
    let service = service_fn(move |request| {
        let responder = responder.clone();
        async move { Ok::<_, Infallible>(respond(request, &responder).await) }
    });
    // The client ends the connection, with or without an error.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, responder: &impl Responder) -> Response<Full<Bytes>> {
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return refusal(StatusCode::BAD_REQUEST);
    };
    let Ok(answer) = responder.answer(body.to_bytes()).await else {
        return refusal(StatusCode::BAD_GATEWAY);
    };
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refusal(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
