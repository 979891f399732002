//! A session of wamp_async, and the items that the tests ask for later.
//!
//! Requests are in `command`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::ready;
use std::rc::Rc;

use foreign_lines::{Failure, Outcome};
use serde_json::{Map, Value, json};
use tokio::spawn;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinHandle;
use wamp_async::{
    Client, ClientConfig, GenericFuture, SerializerType, WampArgs, WampError, WampId, WampKwArgs,
};

use crate::behaviour::Behaviour;
use crate::command::{Payload, PublishOptions};

/// The events of a subscription from wamp_async.
type Events = UnboundedReceiver<(WampId, Option<WampArgs>, Option<WampKwArgs>)>;

pub(crate) struct Session {
    /// Written by the end of the session, read by all others.
    client: RwLock<Client<'static>>,
    /// Ends with the connection.
    connection: Mutex<JoinHandle<()>>,
    subscriptions: RefCell<HashMap<WampId, Rc<Mutex<Events>>>>,
}

impl Session {
    pub(crate) async fn join(
        url: &str,
        serializer: SerializerType,
        realm: &str,
    ) -> Result<Self, Failure> {
        let config = ClientConfig::default().set_serializers(vec![serializer]);
        let (mut client, (event_loop, invocations)) =
            Client::connect(url, Some(config)).await.map_err(refused)?;
        let connection = spawn(async {
            if let Err(error) = event_loop.await {
                log::error!("a connection has ended: {error}");
            }
        });
        if let Some(invocations) = invocations {
            spawn(invoke(invocations));
        }
        client.join_realm(realm).await.map_err(refused)?;
        Ok(Self {
            client: RwLock::new(client),
            connection: Mutex::new(connection),
            subscriptions: RefCell::default(),
        })
    }

    /// Ends the session, unless the router has, and its connection.
    ///
    /// `leave_realm` does not wait for the router's GOODBYE. So the session then joins an unknown
    /// realm: once that is refused, which also ends the connection, GOODBYE has arrived.
    pub(crate) async fn leave(&self) -> Outcome {
        let mut connection = self.connection.lock().await;
        if !connection.is_finished() {
            let mut client = self.client.write().await;
            if client.leave_realm().await.is_ok() {
                let _ = client.join_realm("nowhere").await;
            }
            let _ = (&mut *connection).await;
        }
        Ok(json!({}))
    }

    pub(crate) async fn register(&self, procedure: &str, behaviour: Behaviour) -> Outcome {
        let answer = move |args, kwargs| ready(behaviour.answer((args, kwargs)));
        let registration =
            self.client.read().await.register(procedure, answer).await.map_err(refused)?;
        Ok(json!({"registration": registration}))
    }

    pub(crate) async fn unregister(&self, registration: WampId) -> Outcome {
        self.client.read().await.unregister(registration).await.map_err(refused)?;
        Ok(json!({}))
    }

    pub(crate) async fn call(&self, procedure: &str, payload: Payload) -> Outcome {
        let Payload { args, kwargs } = payload;
        let result = self
            .client
            .read()
            .await
            .call(procedure, Some(args), some(kwargs))
            .await
            .map_err(refused)?;
        Ok(json!({
            "args": result.0.unwrap_or_default(),
            "kwargs": result.1.unwrap_or_default(),
            "parts": [],
        }))
    }

    pub(crate) async fn subscribe(&self, topic: &str) -> Outcome {
        let (subscription, events) =
            self.client.read().await.subscribe(topic).await.map_err(refused)?;
        let events = Rc::new(Mutex::new(events));
        self.subscriptions.borrow_mut().insert(subscription, events);
        Ok(json!({"subscription": subscription}))
    }

    pub(crate) async fn unsubscribe(&self, subscription: WampId) -> Outcome {
        self.client.read().await.unsubscribe(subscription).await.map_err(refused)?;
        Ok(json!({}))
    }

    pub(crate) async fn events(&self, subscription: WampId, count: usize) -> Outcome {
        let events = self.subscriptions.borrow().get(&subscription).cloned();
        let fault = |why| Failure::Fault(format!("subscription {subscription} {why}"));
        let events = events.ok_or_else(|| fault("isn't there"))?;
        let mut events = events.lock().await;
        let mut taken = Vec::new();
        while taken.len() < count {
            let (_, args, kwargs) = events.recv().await.ok_or_else(|| fault("has ended"))?;
            taken.push(json!({
                "args": args.unwrap_or_default(),
                "kwargs": kwargs.unwrap_or_default(),
                "details": {},
            }));
        }
        Ok(json!({"events": taken}))
    }

    pub(crate) async fn publish(
        &self,
        topic: &str,
        Payload { args, kwargs }: Payload,
        options: PublishOptions,
    ) -> Outcome {
        let client = self.client.read().await;
        let publication = client
            .publish(topic, Some(args), some(kwargs), options.acknowledge)
            .await
            .map_err(refused)?;
        Ok(publication.map_or_else(|| json!({}), |number| json!({"publication": number})))
    }
}

/// Keyword arguments, if there are any.
fn some(kwargs: Map<String, Value>) -> Option<Map<String, Value>> {
    (!kwargs.is_empty()).then_some(kwargs)
}

/// Runs the procedures concurrently.
async fn invoke(mut invocations: UnboundedReceiver<GenericFuture<'static>>) {
    while let Some(invocation) = invocations.recv().await {
        spawn(invocation);
    }
}

/// wamp_async provides the URI and the details of an error.
fn refused(error: WampError) -> Failure {
    match error {
        WampError::ServerError(uri, _) => {
            Failure::Refused { uri: Some(uri), args: json!([]), kwargs: json!({}) }
        }
        other => Failure::untold(other),
    }
}
