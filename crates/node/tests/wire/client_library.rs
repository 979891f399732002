//! The client library and the router over sockets: whether they mean the same by what is said in
//! parts, in every format.

use cloverleaf_client::net::Client;
use cloverleaf_client::{CancelMode, Failure, Progress, ProgressiveArgs, Serializer, Session};

use crate::lab::{Node, PATIENCE};
use crate::router::router;

/// Says everything back in capitals, and at the end how much it was.
async fn shout(mut parts: ProgressiveArgs, progress: Progress) -> Result<u64, Failure> {
    let mut heard = 0;
    while let Some(part) = parts.next().await? {
        let (word,): (String,) = part.args()?;
        heard += 1;
        progress.send(word.to_uppercase()).await?;
    }
    Ok(heard)
}

/// A conversation, a call that is killed, a publication that everybody has.
async fn converse(callee: &Session, caller: &Session) {
    let registration = callee.register("com.shout", shout).await.expect("registered");
    let (mut parts, mut results) = caller.call("com.shout").bidirectional();
    for word in ["one", "zwei", "trois"] {
        parts.send((word,)).await.expect("sent");
        let heard = results.next().await.expect("no failure").expect("a part");
        assert_eq!(heard.value::<String>().expect("text"), word.to_uppercase());
    }
    parts.finish().await.expect("sent");
    assert_eq!(results.next().await.expect("no failure"), None);
    assert_eq!(results.reply().await.expect("a reply").value::<u64>().expect("a number"), 3);

    let (parts, call) = caller.call("com.shout").progressive();
    call.cancel(CancelMode::Kill);
    assert_eq!(call.await.expect_err("killed").uri(), Some("wamp.error.canceled"));
    drop(parts);

    let mut events = callee.subscribe("com.news").await.expect("subscribed");
    let publishing = caller.publish("com.news").args((7,)).acknowledged_delivery().send();
    let event = events.next().await.expect("an event");
    assert_eq!(publishing.await.expect("acknowledged"), event.publication());
    registration.unregister().await.expect("unregistered");
}

async fn converse_in(node: &Node, address: &str, serializer: Serializer) {
    let client = Client::new(address).expect("an address").serializer(serializer);
    let callee = client.clone().connect().await.expect("joined");
    let caller = client.connect().await.expect("joined");
    let conversation = tokio::time::timeout(PATIENCE, converse(&callee, &caller));
    conversation.await.unwrap_or_else(|_| panic!("{address} {serializer}: {}", node.log()));
    for session in [callee, caller] {
        session.leave().expect("still connected");
        assert_eq!(session.ended().await, "wamp.close.goodbye_and_out");
    }
}

#[test]
fn what_is_said_in_parts_arrives_over_every_transport_and_in_every_format() {
    let node = router();
    let (socket, web) = (node.socket(), node.addresses("HTTP")[0]);
    let addresses = [format!("unix:{}", socket.display()), format!("ws://{web}/ws")];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for address in &addresses {
            for serializer in Serializer::DEFAULT {
                converse_in(&node, address, serializer).await;
            }
        }
    });
}
