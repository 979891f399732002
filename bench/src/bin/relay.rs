//! The ceiling `relay`: the server of `bare`, with one round trip to `relay-peer` over a Unix
//! socket for each request. A router with its callee in another process needs at least this work.
//!
//! `relay --listen ADDRESS:PORT --socket PATH`; `relay-peer` has to listen on that path already.

use std::io;

use bytes::Bytes;
use cloverleaf_bench::exchange::Asker;
use cloverleaf_bench::front::Responder;
use cloverleaf_bench::{arguments, front};
use tokio::net::UnixStream;

#[derive(Clone)]
struct Relayed(Asker);

impl Responder for Relayed {
    async fn answer(&self, body: Bytes) -> io::Result<Bytes> {
        self.0.ask(body).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let [address, socket] = arguments::from_command_line(["--listen", "--socket"])?;
    let (asker, work) = Asker::open(UnixStream::connect(socket).await?);
    let work = tokio::spawn(work);
    tokio::select! {
        served = front::serve(&address, Relayed(asker)) => served,
        ended = work => ended?,
    }
}
