//! A RawSocket connection: wampproto's handshake and prefixes on a TCP or Unix socket.
//!
//! The content of frames is not interpreted here.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpStream, UnixStream};
use wampproto::messages::types::Error;
use wampproto::transports::rawsocket::{
    Handshake, Message, MessageHeader, PROTOCOL_MAX_MSG_SIZE, SerializerID, receive_handshake,
    receive_message_header, send_handshake, try_send_message_header,
};

/// The receiving half.
pub(crate) struct Incoming(Box<dyn AsyncRead + Unpin>);

/// The sending half.
pub(crate) struct Outgoing(Box<dyn AsyncWrite + Unpin>);

/// Connects to `tcp://host:port` or `unix:/path` and agrees on a serializer.
pub(crate) async fn connect(
    url: &str,
    serializer: SerializerID,
) -> io::Result<(Incoming, Outgoing)> {
    let (mut incoming, mut outgoing) = if let Some(address) = url.strip_prefix("tcp://") {
        halves(TcpStream::connect(address).await?)
    } else if let Some(path) = url.strip_prefix("unix:") {
        halves(UnixStream::connect(path).await?)
    } else {
        return Err(io::Error::other(format!("wampproto knows no transport for {url}")));
    };
    let request = Handshake::new(serializer, PROTOCOL_MAX_MSG_SIZE);
    outgoing.0.write_all(&send_handshake(&request).map_err(unfit)?).await?;
    let mut reply = [0; 4];
    incoming.0.read_exact(&mut reply).await?;
    receive_handshake(&reply).map_err(unfit)?;
    Ok((incoming, outgoing))
}

fn halves(stream: impl AsyncRead + AsyncWrite + 'static) -> (Incoming, Outgoing) {
    let (read, write) = split(stream);
    (Incoming(Box::new(read)), Outgoing(Box::new(write)))
}

impl Incoming {
    /// The next message.
    pub(crate) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut prefix = [0; 4];
        self.0.read_exact(&mut prefix).await?;
        let header = receive_message_header(&prefix).map_err(unfit)?;
        let Message::Wamp = header.kind() else {
            return Err(io::Error::other("there was no reason to send a ping"));
        };
        let mut message = vec![0; header.length()];
        self.0.read_exact(&mut message).await?;
        Ok(message)
    }
}

impl Outgoing {
    pub(crate) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let header = MessageHeader::new(Message::Wamp, message.len());
        self.0.write_all(&try_send_message_header(&header).map_err(unfit)?).await?;
        self.0.write_all(message).await
    }

    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}

fn unfit(error: Error) -> io::Error {
    io::Error::other(error.message)
}
