//! A callee, a caller, a subscriber and a publisher in one session.
//!
//! The optional argument is the address of a router; the default is `ws://127.0.0.1:8080/ws`.

use std::collections::BTreeMap;

use cloverleaf_client::{Args, Client, Failure, Kwargs, Reconnect};

async fn greet(
    Args((name,)): Args<(String,)>,
    Kwargs(options): Kwargs<BTreeMap<String, String>>,
) -> Result<String, Failure> {
    let greeting = options.get("greeting").map_or("Hello", String::as_str);
    Ok(format!("{greeting}, {name}!"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/ws".to_owned());
    let client = Client::new(&address)?.realm("realm1").reconnect(Reconnect::default());
    let session = client.connect().await?;

    session.register("com.example.greet", greet).await?;
    let mut greeted = session.subscribe("com.example.greeted").await?;

    let options = BTreeMap::from([("greeting", "Good morning")]);
    let call = session.call("com.example.greet").args_and_kwargs(("Ada",), &options);
    let greeting: String = call.await?.value()?;
    println!("the callee says: {greeting}");

    // By default the router does not send an event back to its publisher.
    session.publish("com.example.greeted").args(("Ada",)).exclude_me(false).await?;
    if let Some(event) = greeted.next().await {
        let (name,): (String,) = event.args()?;
        println!("{name} was greeted");
    }

    session.leave()?;
    println!("the session has ended: {}", session.ended().await);
    Ok(())
}
