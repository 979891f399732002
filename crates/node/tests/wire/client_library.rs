//! The client library and the router over sockets: progressive calls in every format.

use cloverleaf_client::net::Client;
use cloverleaf_client::{CancelMode, Failure, Progress, ProgressiveArgs, Serializer, Session};

use crate::router::router;
use crate::support::{NodeProcess, TIMEOUT};

/// Returns each chunk in upper case as a progressive result, and at last the number of chunks.
async fn shout(mut parts: ProgressiveArgs, progress: Progress) -> Result<u64, Failure> {
    let mut heard = 0;
    while let Some(part) = parts.next().await? {
        let (word,): (String,) = part.args()?;
        heard += 1;
        progress.send(word.to_uppercase()).await?;
    }
    Ok(heard)
}

/// Makes a progressive call, a killed call, and a publication with acknowledged delivery.
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

async fn converse_in(node: &NodeProcess, address: &str, serializer: Serializer) {
    let client = Client::new(address).expect("an address").serializer(serializer);
    let callee = client.clone().connect().await.expect("joined");
    let caller = client.connect().await.expect("joined");
    let conversation = tokio::time::timeout(TIMEOUT, converse(&callee, &caller));
    conversation.await.unwrap_or_else(|_| panic!("{address} {serializer}: {}", node.log()));
    for session in [callee, caller] {
        session.leave().expect("still connected");
        assert_eq!(session.ended().await, "wamp.close.goodbye_and_out");
    }
}

#[test]
fn progressive_calls_work_over_every_transport_and_serializer() {
    let node = router();
    let (socket, web) = (node.socket(), node.addresses("web")[0]);
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
