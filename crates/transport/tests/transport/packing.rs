//! Handlers that pack several items into one message.

use cloverleaf_transport::outbound::queue;
use cloverleaf_transport::{
    CloseReason, Connection, Flow, Framing, Handler, Lifecycle, OutboundSender, Overflow, Queued,
    Stream,
};
use cloverleaf_wamp::websocket::CloseCode;
use cloverleaf_wamp::websocket::MessageKind;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use crate::peer::{rawsocket, websocket};

/// Packs text with a full stop behind each item. Replaces `bad` by `worse`, and `ugly` by `uglier`,
/// which it leaves out.
struct Packer;

struct Text(&'static str);

impl Queued for Text {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn overflow(&self) -> Overflow {
        Overflow::Disconnect
    }
}

impl Handler for Packer {
    type Item = Text;
    type Session = Self;

    const PACKED: usize = 10;

    fn session(&mut self) -> &mut Self {
        self
    }

    fn receive(&mut self, _: Option<MessageKind>, _: &[u8]) -> Flow {
        Flow::Continue
    }

    fn kind(&self, _: &Text) -> MessageKind {
        MessageKind::Text
    }

    fn encode(&mut self, item: Text, _: usize, out: &mut Vec<u8>) -> Result<(), Option<Text>> {
        match item.0 {
            "bad" => return Err(Some(Text("worse"))),
            "ugly" => return Err(Some(Text("uglier"))),
            "uglier" => return Err(None),
            good => out.extend_from_slice(good.as_bytes()),
        }
        out.push(b'.');
        Ok(())
    }
}

impl Lifecycle for Packer {
    type Message = Text;

    fn is_open(&self) -> bool {
        true
    }

    fn closed(&mut self, _: &CloseReason) {}
}

/// The peer of a connection in whose queue these items wait.
fn connection(framing: Framing, items: &[&'static str]) -> DuplexStream {
    let (ours, peer) = duplex(1024);
    let (outbound, receiver): (OutboundSender<Text>, _) = queue();
    for item in items {
        let _ = outbound.push(Text(item));
    }
    outbound.close(CloseCode::NORMAL, "enough");
    let stream = Stream::Other(Box::new(ours));
    tokio::spawn(Connection::new(stream, framing, Packer, receiver, &mut []));
    peer
}

async fn everything(mut peer: DuplexStream) -> String {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).await.expect("the end");
    bytes.escape_ascii().to_string()
}

#[tokio::test]
async fn items_that_wait_together_are_packed_up_to_the_size() {
    let peer = connection(rawsocket(), &["one", "two", "three", "four", "five", "six"]);
    let expected = r"\x00\x00\x00\x0eone.two.three.\x00\x00\x00\nfour.five.\x00\x00\x00\x04six.";
    assert_eq!(everything(peer).await, expected);
    let peer = connection(websocket(), &["one", "a rather long item", "two"]);
    let expected = r"\x81\x17one.a rather long item.\x81\x04two.\x88\x02\x03\xe8";
    assert_eq!(everything(peer).await, expected);
}

#[tokio::test]
async fn item_that_cannot_be_sent_is_replaced_or_left_out_at_any_position() {
    for (items, expected) in [
        (&["bad", "a", "b"][..], r"\x00\x00\x00\nworse.a.b."),
        (&["a", "bad", "b"], r"\x00\x00\x00\na.worse.b."),
        (&["a", "ugly", "b"], r"\x00\x00\x00\x04a.b."),
        (&["ugly", "a", "b"], r"\x00\x00\x00\x04a.b."),
        (&["ugly"], ""),
    ] {
        assert_eq!(everything(connection(rawsocket(), items)).await, expected, "{items:?}");
    }
}
