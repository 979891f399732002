//! A session whose router is the test. Messages are JSON texts as on the wire.

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
struct LinkState {
    sent: Vec<String>,
    is_full: bool,
    waiting: Vec<Waker>,
}

#[derive(Clone, Default)]
struct TestLink(Arc<Mutex<LinkState>>);

impl Link for TestLink {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        let mut state = self.0.lock();
        if state.is_full && !matches!(message, ClientMessage::Cancel(_)) {
            return Err(SendError::Congested);
        }
        let mut json = Vec::new();
        encode_client(&message, Serializer::Json, &mut json).expect("a form in JSON");
        state.sent.push(String::from_utf8(json).expect("text"));
        Ok(())
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if !state.is_full {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }
}

/// A session, its driver, and the link that records sent messages.
pub(crate) struct Lab {
    pub(crate) session: Session,
    driver: Driver,
    link: TestLink,
}

impl Lab {
    /// An open session.
    pub(crate) fn new() -> Self {
        let link = TestLink::default();
        let (session, driver) = Session::new(link.clone(), Serializer::Json);
        Self { session, driver, link }
    }

    /// The router sends this message.
    pub(crate) fn says(&self, json: &str) {
        let frame = bytes(json);
        let message = decode_router(Serializer::Json, &frame).expect(json);
        self.session.handle_message(message);
    }

    /// The messages that were sent since the last call.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.link.0.lock().sent)
    }

    /// Polls the driver until it is idle.
    pub(crate) fn run(&mut self) {
        until_idle(|context| Pin::new(&mut self.driver).poll(context).is_ready());
    }

    /// The link reports congestion from now on.
    pub(crate) fn stop_reading(&self) {
        self.link.0.lock().is_full = true;
    }

    /// The link accepts messages again.
    pub(crate) fn resume_reading(&self) {
        let waiting = {
            let mut state = self.link.0.lock();
            state.is_full = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The connection is lost and replaced. Nothing is restored yet.
    pub(crate) fn reconnects(&self) {
        self.session.lost("the cable was pulled");
        let frame = bytes(r#"[2,7,{"roles":{"broker":{},"dealer":{}}}]"#);
        let welcome: Welcome = match decode_router(Serializer::Json, &frame) {
            Ok(RouterMessage::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        };
        self.session.joined(welcome, || {});
    }

    /// Restores the registrations; the router answers with this message.
    pub(crate) fn restores(&self, answer: &str) {
        let mut restoring = Box::pin(self.session.restore());
        assert!((&mut restoring).now_or_never().is_none());
        self.says(answer);
        assert!(ready(restoring).is_empty());
    }

    /// Registers a procedure with the session's first request; the router grants registration 9.
    pub(crate) fn with_procedure<M>(
        code: impl cloverleaf_client::Procedure<M>,
    ) -> (Self, cloverleaf_client::Registration) {
        let lab = Self::new();
        let mut registering = lab.session.register("com.a", code).into_future();
        assert!((&mut registering).now_or_never().is_none());
        lab.says("[65,1,9]");
        let registration = registering.now_or_never().expect("answered").expect("registered");
        lab.sent();
        (lab, registration)
    }
}

fn bytes(json: &str) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(json.as_bytes())
}

/// The output of a future that is ready at once.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("ready")
}

/// A waker that counts.
#[derive(Default)]
struct WakeCount(Mutex<usize>);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        *self.0.lock() += 1;
    }
}

/// Polls until a poll does not wake itself.
fn until_idle(mut poll: impl FnMut(&mut Context<'_>) -> bool) {
    let count = Arc::new(WakeCount::default());
    let waker = Waker::from(Arc::clone(&count));
    loop {
        let before = *count.0.lock();
        if poll(&mut Context::from_waker(&waker)) || *count.0.lock() == before {
            return;
        }
    }
}
