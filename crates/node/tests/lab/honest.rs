//! A pair of peers that behave well, to see that others disturb nobody.

use super::{JSON, Node, Peer as _, RawSocket};

const PROCEDURE: &str = "com.example.honest";

/// A caller behind TCP and its callee behind a Unix socket.
#[derive(Debug)]
pub(crate) struct Honest {
    procedure: &'static str,
    caller: RawSocket,
    callee: RawSocket,
    registration: u64,
    calls: u64,
}

impl Honest {
    pub(crate) fn at(node: &Node) -> Self {
        Self::calling(node, PROCEDURE)
    }

    /// A pair beside another one.
    pub(crate) fn calling(node: &Node, procedure: &'static str) -> Self {
        let mut caller = RawSocket::open(node.tcp(), JSON);
        let mut callee = node.rawsocket(JSON);
        caller.join();
        callee.join();
        let registration = callee.obtain(&format!(r#"[64,1,{{}},"{procedure}"]"#));
        Self { procedure, caller, callee, registration, calls: 0 }
    }

    /// One call from end to end, octet for octet.
    pub(crate) fn call(&mut self) {
        self.calls += 1;
        let Self { procedure, calls, registration, .. } = *self;
        self.caller.send(&format!(r#"[48,{calls},{{}},"{procedure}",[{calls}]]"#));
        let invocation = self.callee.receive();
        assert_eq!(invocation, format!("[68,{calls},{registration},{{}},[{calls}]]"));
        self.callee.send(&format!("[70,{calls},{{}},[{calls}]]"));
        assert_eq!(self.caller.receive(), format!("[50,{calls},{{}},[{calls}]]"));
    }
}
