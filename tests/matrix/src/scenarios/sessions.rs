//! What the realm tells of its sessions.
//!
//! Spec: advanced profile "Session Meta API".

use cloverleaf_wamp::error_uri;
use serde_json::Value;

use crate::stage::{Stage, id_of, uri_of};

pub(super) async fn the_realm_tells_of_the_session(stage: Stage) {
    let id = id_of(&stage.there);
    let call = stage.here.call("wamp.session.get").args((id,));
    let details: Value = call.await.expect("RESULT").value().expect("details");
    assert_eq!(details["session"], id);
    let list = stage.here.call("wamp.session.list").await.expect("RESULT");
    assert!(list.value::<Vec<u64>>().expect("ids").contains(&id));
    let unknown = stage.here.call("wamp.session.get").args((1,)).await;
    assert_eq!(uri_of(unknown), error_uri::NO_SUCH_SESSION);
}
