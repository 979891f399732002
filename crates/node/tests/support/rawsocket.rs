//! A RawSocket peer: handshake and frames.

use super::{ClientStream, RawPeer};

/// Numbers of the serializers in the handshake.
pub(crate) const JSON: u8 = 1;
pub(crate) const MSGPACK: u8 = 2;
pub(crate) const CBOR: u8 = 3;
pub(crate) const UBJSON: u8 = 4;

/// A RawSocket peer after its handshake.
#[derive(Debug)]
pub(crate) struct RawSocketPeer {
    pub(crate) stream: ClientStream,
}

impl RawSocketPeer {
    /// Performs the handshake with a message limit of 16 MiB.
    pub(crate) fn open(stream: ClientStream, serializer: u8) -> Self {
        Self::open_with(stream, 0xf0 | serializer)
    }

    /// Performs the handshake with this second octet: message limit and serializer.
    pub(crate) fn open_with(mut stream: ClientStream, octet: u8) -> Self {
        stream.send(&[0x7f, octet, 0, 0]);
        let reply = stream.receive(4);
        let agreed = matches!(reply[..], [0x7f, answer, 0, 0] if answer & 0x0f == octet & 0x0f);
        assert!(agreed, "the handshake 7f {octet:02x} 00 00 is answered by {reply:02x?}");
        Self { stream }
    }

    /// Wraps a stream whose handshake the test has performed.
    pub(crate) const fn over(stream: ClientStream) -> Self {
        Self { stream }
    }

    /// Sends a frame with this first octet: reserved bits and type.
    pub(crate) fn send_frame(&mut self, kind: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a short frame");
        let mut frame = (u32::from(kind) << 24 | length).to_be_bytes().to_vec();
        frame.extend_from_slice(payload);
        self.stream.send(&frame);
    }

    /// The next frame: its type and its payload.
    pub(crate) fn receive_frame(&mut self) -> (u8, Vec<u8>) {
        let prefix = self.stream.receive(4);
        let [kind, high, middle, low] = prefix[..] else {
            panic!("the connection ended where a frame was expected")
        };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let payload = self.stream.receive(length);
        assert_eq!(payload.len(), length, "the connection ended within a frame");
        (kind, payload)
    }
}

impl RawPeer for RawSocketPeer {
    fn send_octets(&mut self, message: &[u8]) {
        self.send_frame(0, message);
    }

    fn receive_octets(&mut self) -> Vec<u8> {
        let (kind, payload) = self.receive_frame();
        assert_eq!(kind, 0, "a message was expected");
        payload
    }

    fn receive_end(&mut self) {
        self.stream.receive_end();
    }
}
