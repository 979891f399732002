//! Addresses, handshakes, HELLO and the answers to it.

use cloverleaf_client::{Client, Error, Serializer};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::{ClientMessage, Hello, HelloDetails};

use crate::router::{ECHO, Router, RouterTransport, realm, socket_path};

fn refusal(error: &Error) -> String {
    assert!(matches!(error, Error::Wamp(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn hello_names_realm_roles_and_agent() {
    let router = Router::new(RouterTransport::Unix);
    let session = router.client().realm("com.example").connect().await.expect("joined");
    assert!(session.welcome().is_some());
    let hello = Hello {
        realm: "com.example".into(),
        details: HelloDetails {
            roles: Some(CLIENT),
            agent: Some(format!("Cloverleaf-{}", env!("CARGO_PKG_VERSION")).into()),
            authmethods: Some(vec!["anonymous".into()]),
            ..HelloDetails::default()
        },
    };
    assert_eq!(router.received(), [ClientMessage::Hello(hello)]);
}

#[tokio::test]
async fn a_client_connects_to_every_kind_of_address() {
    for transport in [
        RouterTransport::WebSocket,
        RouterTransport::Tcp,
        RouterTransport::Unix,
        RouterTransport::Abstract,
    ] {
        let router = Router::new(transport);
        let client = Client::new(&router.address()).expect("an address");
        let session = client.connect().await.expect("joined");
        let echo = session.call(ECHO).args((transport as u8,)).await.expect("an echo");
        assert_eq!(echo.value::<u8>().expect("a number"), transport as u8);
    }
}

#[tokio::test]
async fn arguments_are_encoded_in_the_serializer_that_the_router_chose() {
    let router = Router::with(RouterTransport::WebSocket, &[Serializer::Cbor], 1 << 20);
    let session = router.client().connect().await.expect("joined");
    session.call(ECHO).args(("text",)).await.expect("an echo");
    let received = router.received();
    let Some(ClientMessage::Call(call)) = received.last() else { panic!("{received:?}") };
    assert_eq!(call.payload.args().map(|args| args.serializer()), Some(Serializer::Cbor));
}

/// Both have the name `ubjson` in the handshake; WELCOME shows which one the router speaks.
#[tokio::test]
async fn a_ubjson_client_speaks_bjdata_with_a_bjdata_router() {
    for transport in [RouterTransport::WebSocket, RouterTransport::Tcp] {
        for spoken in [Serializer::UbJson, Serializer::BjData] {
            let router = Router::with(transport, &[spoken], 1 << 20);
            let client = router.client().serializer(Serializer::UbJson);
            let session = client.connect().await.expect("joined");
            let echo = session.call(ECHO).args((1.5, -300)).await.expect("an echo");
            assert_eq!(echo.args::<(f64, i16)>().expect("numbers"), (1.5, -300));
            let received = router.received();
            let Some(ClientMessage::Call(call)) = received.last() else { panic!("{received:?}") };
            assert_eq!(call.payload.args().map(|args| args.serializer()), Some(spoken));
        }
    }
}

#[tokio::test]
async fn connect_returns_the_uri_and_text_of_abort() {
    for transport in [RouterTransport::WebSocket, RouterTransport::Tcp, RouterTransport::Unix] {
        let router = Router::new(transport);
        let error = router.client().realm(realm::MISSING).connect().await.expect_err("refused");
        assert_eq!(error.uri(), Some("wamp.error.no_such_realm"));
        assert_eq!(refusal(&error), "wamp.error.no_such_realm: there is no such realm");
    }
}

#[tokio::test]
async fn a_challenge_is_answered_with_abort() {
    let router = Router::new(RouterTransport::Unix);
    let error = router.client().realm(realm::SECRET).connect().await.expect_err("not joined");
    let sentence = "wamp.error.no_matching_auth_method: the router asks for 'wampcra'";
    assert_eq!(refusal(&error), sentence);
    assert_eq!(router.names(), ["HELLO", "ABORT"]);
}

#[tokio::test]
async fn an_unexpected_answer_to_hello_is_answered_with_abort() {
    let router = Router::new(RouterTransport::Unix);
    let error = router.client().realm(realm::CONFUSED).connect().await.expect_err("not joined");
    let sentence = "wamp.error.protocol_violation: the router answers HELLO with PUBLISHED";
    assert_eq!(refusal(&error), sentence);
    assert_eq!(router.names(), ["HELLO", "ABORT"]);
}

#[tokio::test]
async fn a_refused_connection_is_reported_with_the_address() {
    let path = socket_path();
    let address = format!("unix:{}", path.display());
    let error =
        Client::new(&address).expect("an address").connect().await.expect_err("no listener");
    let start = format!("connecting to {address} failed: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(matches!(error, Error::Connect(_)));
}

#[tokio::test]
async fn an_unsupported_serializer_is_reported() {
    let router = Router::with(RouterTransport::Unix, &[Serializer::Json], 1 << 20);
    let error = router.client().serializer(Serializer::Cbor).connect().await.expect_err("refused");
    let sentence = format!(
        "connecting to {} failed: RawSocket handshake: \
         the serializer is not supported by the router",
        router.address()
    );
    assert_eq!(error.to_string(), sentence);

    let router = Router::with(RouterTransport::WebSocket, &[Serializer::Json], 1 << 20);
    let error = router.client().serializer(Serializer::Cbor).connect().await.expect_err("refused");
    let sentence = format!(
        "connecting to {} failed: WebSocket handshake: \
         the server refuses the WebSocket handshake: 400 Bad Request",
        router.address()
    );
    assert_eq!(error.to_string(), sentence);
}
