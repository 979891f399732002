//! A caller and a callee, to check that the router still serves other connections.

use super::{JSON, NodeProcess, RawPeer as _, RawSocketPeer};

const PROCEDURE: &str = "com.example.bystander";

/// A caller over TCP and its callee over a Unix socket.
#[derive(Debug)]
pub(crate) struct CallPair {
    procedure: &'static str,
    caller: RawSocketPeer,
    callee: RawSocketPeer,
    registration: u64,
    calls: u64,
}

impl CallPair {
    /// Joins the caller and the callee to `realm1`.
    pub(crate) fn connect(node: &NodeProcess) -> Self {
        Self::connect_with(node, PROCEDURE)
    }

    /// Joins with a callee of this procedure, so that several pairs can exist.
    pub(crate) fn connect_with(node: &NodeProcess, procedure: &'static str) -> Self {
        let mut caller = RawSocketPeer::open(node.tcp(), JSON);
        let mut callee = node.rawsocket(JSON);
        caller.join();
        callee.join();
        let registration = callee.obtain_id(&format!(r#"[64,1,{{}},"{procedure}"]"#));
        Self { procedure, caller, callee, registration, calls: 0 }
    }

    /// Makes one call and compares each message with the expected text.
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
