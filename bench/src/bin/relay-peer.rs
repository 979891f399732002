//! The process behind the ceiling `relay`: answers every frame with a fixed body, as a callee in
//! its own process would. It serves one connection and ends with it.
//!
//! `relay-peer --socket PATH`

use std::io;

use cloverleaf_bench::{ANSWER, arguments, exchange};
use tokio::net::UnixListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let [socket] = arguments::from_command_line(["--socket"])?;
    let (stream, _) = UnixListener::bind(socket)?.accept().await?;
    exchange::answer_all(stream, ANSWER).await
}
