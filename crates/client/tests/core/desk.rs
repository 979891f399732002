//! A session whose router is the test: messages are JSON, as they stand on the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use cloverleaf_client::{Driver, Link, SendError, Serializer, Session};
use cloverleaf_wamp::message::wire::{decode_router, encode_client};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage, Welcome};
use futures_util::FutureExt as _;
use parking_lot::Mutex;

#[derive(Default)]
struct Way {
    sent: Vec<String>,
    is_full: bool,
    waiting: Vec<Waker>,
}

#[derive(Clone, Default)]
struct ToTest(Arc<Mutex<Way>>);

impl Link for ToTest {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        let mut way = self.0.lock();
        if way.is_full && !matches!(message, ClientMessage::Cancel(_)) {
            return Err(SendError::Congested);
        }
        let mut json = Vec::new();
        encode_client(&message, Serializer::Json, &mut json).expect("a form in JSON");
        way.sent.push(String::from_utf8(json).expect("text"));
        Ok(())
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut way = self.0.lock();
        if !way.is_full {
            return Poll::Ready(());
        }
        way.waiting.push(context.waker().clone());
        Poll::Pending
    }
}

/// See the [module](self).
pub(crate) struct Desk {
    pub(crate) session: Session,
    driver: Driver,
    link: ToTest,
}

impl Desk {
    /// A session that is open.
    pub(crate) fn new() -> Self {
        let link = ToTest::default();
        let (session, driver) = Session::new(link.clone(), Serializer::Json);
        Self { session, driver, link }
    }

    /// The router says this.
    pub(crate) fn says(&self, json: &str) {
        let frame = bytes(json);
        let message = decode_router(Serializer::Json, &frame).expect(json);
        self.session.handle_message(message);
    }

    /// What was sent since this was last asked.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.link.0.lock().sent)
    }

    /// Runs the procedures as far as they come.
    pub(crate) fn run(&mut self) {
        until_idle(|context| Pin::new(&mut self.driver).poll(context).is_ready());
    }

    /// The router reads nothing any more.
    pub(crate) fn fill_the_way(&self) {
        self.link.0.lock().is_full = true;
    }

    /// The router reads again.
    pub(crate) fn clear_the_way(&self) {
        let waiting = {
            let mut way = self.link.0.lock();
            way.is_full = false;
            std::mem::take(&mut way.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The connection is lost and replaced by another one, on which nothing is sent yet.
    pub(crate) fn reconnects(&self) {
        self.session.lost("the cable was pulled");
        let frame = bytes(r#"[2,7,{"roles":{"broker":{},"dealer":{}}}]"#);
        let welcome: Welcome = match decode_router(Serializer::Json, &frame) {
            Ok(RouterMessage::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        };
        self.session.joined(welcome, || {});
    }

    /// What was registered on the last connection is again: the router says this.
    pub(crate) fn restores(&self, answer: &str) {
        let mut restoring = Box::pin(self.session.restore());
        assert!((&mut restoring).now_or_never().is_none());
        self.says(answer);
        assert!(ready(restoring).is_empty());
    }

    /// Registers a procedure as number 9; it is the session's first request.
    pub(crate) fn with_procedure<M>(
        code: impl cloverleaf_client::Procedure<M>,
    ) -> (Self, cloverleaf_client::Registration) {
        let desk = Self::new();
        let mut registering = desk.session.register("com.a", code).into_future();
        assert!((&mut registering).now_or_never().is_none());
        desk.says("[65,1,9]");
        let registration = registering.now_or_never().expect("answered").expect("registered");
        desk.sent();
        (desk, registration)
    }
}

fn bytes(json: &str) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(json.as_bytes())
}

/// What a future is ready with at once.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("ready")
}

/// A waker that counts.
#[derive(Default)]
struct Count(Mutex<usize>);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        *self.0.lock() += 1;
    }
}

/// Polls as long as it is woken by itself.
fn until_idle(mut poll: impl FnMut(&mut Context<'_>) -> bool) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    loop {
        let before = *count.0.lock();
        if poll(&mut Context::from_waker(&waker)) || *count.0.lock() == before {
            return;
        }
    }
}
