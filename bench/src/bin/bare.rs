//! The ceiling `bare`: an HTTP server that answers every request with a fixed body. No router on
//! this runtime can be faster than plain hyper without a router.
//!
//! `bare --listen ADDRESS:PORT`

use std::io;

use bytes::Bytes;
use cloverleaf_bench::front::Responder;
use cloverleaf_bench::{ANSWER, arguments, front};

#[derive(Clone)]
struct Fixed;

impl Responder for Fixed {
    async fn answer(&self, _body: Bytes) -> io::Result<Bytes> {
        Ok(Bytes::from_static(ANSWER))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let [address] = arguments::from_command_line(["--listen"])?;
    front::serve(&address, Fixed).await
}
