//! Clients that read large answers slowly, on the fast path and through hyper.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::{Failure, Session};
use cloverleaf_http_bridge::{Bridge, BridgeSettings, Resource};
use cloverleaf_realms::local::{self, LocalIdentity};
use cloverleaf_realms::settings::{Permission, RealmSettings, Role};
use cloverleaf_realms::{Memory, RealmHost};
use cloverleaf_transport::limits::{LARGE_ANSWER, STALL_TIMEOUT};
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::shutdown::{self, ShutdownTrigger};
use cloverleaf_transport::{ConnectionPeer, Connections, ListenerId, Stream};
use cloverleaf_wamp::features::{CLIENT, HTTP_BRIDGE};
use cloverleaf_wamp::uri::UriPattern;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use crate::{HttpOptions, HttpServer, Routes, Service, Timeouts};

/// Length of the large answers, in bytes.
const LARGE: usize = 4 << 20;

/// Budget of the process for queues and large responses: enough for two of them.
const BUDGET: usize = 9 << 20;

/// A server with a caller, and a procedure whose result has a given length.
struct Lab {
    server: Arc<HttpServer>,
    memory: Memory,
    _shutdown: ShutdownTrigger,
}

fn join(realm: &Arc<RealmHost>, authid: &str) -> Session {
    let roles = if authid == "bridge" { HTTP_BRIDGE } else { CLIENT };
    let identity = LocalIdentity {
        authid,
        authrole: "anyone",
        roles,
        is_internal: true,
        has_independent_requests: false,
    };
    let (session, driver) = local::join(realm, identity).expect("the role exists");
    tokio::spawn(driver);
    session
}

impl Lab {
    async fn new(length: usize, fast_path: bool) -> Self {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        let roles = vec![Role::new("anyone", [(everything, Permission::ALL)])];
        let realm = RealmSettings { roles, ..RealmSettings::named("realm1") };
        let realm = Arc::new(RealmHost::new(realm));
        tokio::spawn(Arc::clone(&realm).run());
        let answer = move || async move { Ok::<_, Failure>("x".repeat(length)) };
        let callee = join(&realm, "callee");
        callee.register("com.answer", answer).await.expect("registered");
        let bridge = join(&realm, "bridge");
        let bridge = Bridge::new(bridge, Resource::Caller, BridgeSettings::default());
        let memory = Memory::with_budgets(BUDGET, BUDGET);
        let options =
            HttpOptions { access_log: false, fast_path, hsts: None, timeouts: Timeouts::DEFAULT };
        let routes = Routes::everywhere(Service::Bridge(bridge));
        let server = HttpServer::new(routes, options, memory.clone(), Arc::default());
        let server = Arc::new(server);
        let (trigger, signal) = shutdown::channel();
        let watched = Arc::clone(&server);
        tokio::spawn(async move {
            let _callee = callee;
            watched.watch(signal).await;
        });
        Self { server, memory, _shutdown: trigger }
    }

    /// A client that has called the procedure and reads nothing yet. Returns when its answer has
    /// begun.
    async fn call(&self) -> DuplexStream {
        let (ours, mut client) = duplex(LARGE_ANSWER);
        let stream = Stream::Other(Box::new(ours));
        let guard = Connections::new(1).accept(ListenerId(0), &PeerAddress::Unix);
        let peer = ConnectionPeer::plain(PeerAddress::Unix);
        tokio::spawn(Arc::clone(&self.server).serve(stream, &[], peer, guard));
        let body = r#"{"procedure":"com.answer"}"#;
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        client.write_all(request.as_bytes()).await.expect("a server");
        let mut first = [0; 12];
        client.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200");
        client
    }

    fn used(&self) -> usize {
        self.memory.queues().used()
    }
}

/// How many bytes come before the end of the stream.
async fn count_rest(client: &mut DuplexStream) -> usize {
    let mut rest = Vec::new();
    // A connection that was closed too early may also be an error here.
    let _ = client.read_to_end(&mut rest).await;
    rest.len()
}

#[tokio::test(start_paused = true)]
async fn large_answers_count_until_they_are_taken_and_the_oldest_is_given_up() {
    for fast_path in [true, false] {
        let lab = Lab::new(LARGE, fast_path).await;
        let (mut first, mut second) = (lab.call().await, lab.call().await);
        assert!((2 * LARGE..BUDGET).contains(&lab.used()), "{}", lab.used());
        let mut third = lab.call().await;
        assert!(count_rest(&mut first).await < LARGE, "the oldest is closed");
        assert!(count_rest(&mut second).await > LARGE);
        assert!(count_rest(&mut third).await > LARGE);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(lab.used(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn small_answers_are_not_counted() {
    for fast_path in [true, false] {
        let lab = Lab::new(LARGE_ANSWER - 1024, fast_path).await;
        let mut client = lab.call().await;
        assert_eq!(lab.used(), 0);
        assert!(count_rest(&mut client).await > LARGE_ANSWER - 1024);
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_a_large_answer_too_slowly_is_closed() {
    for fast_path in [true, false] {
        let lab = Lab::new(LARGE, fast_path).await;
        let mut client = lab.call().await;
        let begin = Instant::now();
        // Less than 4 KiB a second, but never nothing.
        let mut buffer = [0; 1024];
        while begin.elapsed() < STALL_TIMEOUT * 2 {
            sleep(Duration::from_secs(1)).await;
            client.read_exact(&mut buffer).await.expect("the answer");
        }
        assert!(count_rest(&mut client).await < LARGE / 2);
        assert_eq!(lab.used(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_a_large_answer_steadily_gets_all_of_it() {
    for fast_path in [true, false] {
        let lab = Lab::new(LARGE, fast_path).await;
        let mut client = lab.call().await;
        let begin = Instant::now();
        let mut read = 0;
        let mut buffer = [0; 8 * 1024];
        while begin.elapsed() < STALL_TIMEOUT * 4 {
            sleep(Duration::from_secs(1)).await;
            client.read_exact(&mut buffer).await.expect("the answer");
            read += buffer.len();
        }
        assert!(read + count_rest(&mut client).await > LARGE);
    }
}
