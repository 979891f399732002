//! Features of Crossbar.io that this version does not have.
//!
//! A configuration that asks for such a feature is refused, since ignoring the feature would change
//! the meaning of the configuration. Each feature has a short name, for tables and scripts, and
//! advice for the operator.

/// A key or value of Crossbar.io that asks for a feature which this version does not have.
#[derive(Debug)]
pub(crate) struct UnsupportedFeature {
    /// The key or value in the file.
    pub(crate) word: &'static str,
    /// The short name of the feature.
    pub(crate) name: &'static str,
    /// What to do instead, as an imperative clause.
    pub(crate) advice: &'static str,
}

const fn feature(
    word: &'static str,
    name: &'static str,
    advice: &'static str,
) -> UnsupportedFeature {
    UnsupportedFeature { word, name, advice }
}

/// The advice for programs that this node does not start.
pub(crate) const RUN_SEPARATELY: &str =
    "run it as a separate process that connects to a transport of this node";

/// Types of workers.
pub(crate) const WORKERS: &[UnsupportedFeature] = &[
    feature(
        "guest",
        "guest",
        "guests are planned for a later version; until then start the program by itself, for \
         example as a service of the operating system, and let it connect to a transport of this \
         node",
    ),
    feature(
        "proxy",
        "proxy",
        "one process serves all connections here: move the transports of the proxy to the router \
         that has the realms",
    ),
    feature("hostmonitor", "hostmonitor", MONITORING),
    feature("marketmaker", "xbr", MARKETS),
    feature("xbrmm", "xbr", MARKETS),
];

const MONITORING: &str = "remove the worker, and monitor the host with another tool";
const MARKETS: &str = "remove the worker: XBR markets are not planned";

/// Types of components.
pub(crate) const COMPONENTS: &[UnsupportedFeature] = &[
    feature("function", "function-component", RUN_SEPARATELY),
    feature("wamplet", "function-component", RUN_SEPARATELY),
];

/// The name of the feature: components of classes that the program does not have.
pub(crate) const PYTHON_CLASS: &str = "python-class";

/// The name of the feature: realms with the same name in several workers.
pub(crate) const REALM_OF_A_WORKER: &str = "realm-of-a-worker";

/// The name of the feature: `validate` with a type of a WAMP inventory.
pub(crate) const INVENTORY: &str = "inventory";

const MQTT_ADVICE: &str =
    "MQTT is planned for a later version; until then run an MQTT broker beside this node";

/// Types of transports that listen.
pub(crate) const TRANSPORTS: &[UnsupportedFeature] = &[feature("mqtt", "mqtt", MQTT_ADVICE)];

/// Parts of a universal transport.
pub(crate) const UNIVERSAL: &[UnsupportedFeature] = TRANSPORTS;

/// Types of endpoints that listen.
pub(crate) const LISTENING_ENDPOINTS: &[UnsupportedFeature] = &[
    feature("twisted", "endpoint:twisted", "use an endpoint of type 'tcp' or 'unix'"),
    feature(
        "onion",
        "endpoint:onion",
        "listen on 127.0.0.1 and let the configuration of Tor name this port (HiddenServicePort)",
    ),
];

/// Types of endpoints that connect.
pub(crate) const CONNECTING_ENDPOINTS: &[UnsupportedFeature] = &[
    feature("twisted", "endpoint:twisted", "use an endpoint of type 'tcp' or 'unix'"),
    feature("tor", "endpoint:tor", "use an endpoint of type 'tcp' or 'unix'"),
];

/// Keys of endpoints that listen.
pub(crate) const LISTENING_TLS: &[UnsupportedFeature] = &[feature(
    "tls",
    "tls",
    "TLS is planned for a later version; until then let a proxy terminate TLS, and listen on a \
     Unix socket or on 127.0.0.1 (docs/endpoints.md, \"Behind a proxy\")",
)];

/// Keys of endpoints that connect.
pub(crate) const CONNECTING_TLS: &[UnsupportedFeature] = &[feature(
    "tls",
    "tls",
    "TLS is planned for a later version; until then connect to a Unix socket or to 127.0.0.1, or \
     through a tunnel",
)];

/// Schemes of URLs to connect to.
pub(crate) const WSS: &UnsupportedFeature = &feature(
    "wss",
    "tls",
    "TLS is planned for a later version; until then connect to a 'ws://' URL on this machine, or \
     through a tunnel",
);

const AUTHENTICATION: &str = "authentication is planned for a later version; until then restrict who can connect: by \
     'interface', by 'mode' and 'owner' of a Unix socket, or by a proxy (docs/endpoints.md)";

const PROXY_METHOD: &str =
    "one process serves all connections here: remove the method, which is for proxy workers only";

/// Methods of authentication.
pub(crate) const METHODS: &[UnsupportedFeature] = &[
    feature("ticket", "auth:ticket", AUTHENTICATION),
    feature("wampcra", "auth:wampcra", AUTHENTICATION),
    feature("scram", "auth:scram", AUTHENTICATION),
    feature("cryptosign", "auth:cryptosign", AUTHENTICATION),
    feature("tls", "auth:tls", AUTHENTICATION),
    feature("cookie", "auth:cookie", AUTHENTICATION),
    feature("function", "auth:function", AUTHENTICATION),
    feature("cryptosign-proxy", "auth:cryptosign-proxy", PROXY_METHOD),
    feature("anonymous-proxy", "auth:anonymous-proxy", PROXY_METHOD),
];

/// Kinds of authentication.
pub(crate) const AUTHENTICATORS: &[UnsupportedFeature] = &[
    feature("dynamic", "auth:dynamic", AUTHENTICATION),
    feature("function", "auth:function", AUTHENTICATION),
];

/// Keys of transports that connect.
pub(crate) const CONNECTING_AUTH: &[UnsupportedFeature] = &[feature(
    "auth",
    "auth:component",
    "authentication is planned for a later version; until then connect to a transport that lets \
     anonymous sessions join",
)];

/// The key for dynamic authorization.
pub(crate) const AUTHORIZER: &str = "authorizer";

/// Keys of roles.
pub(crate) const ROLE_KEYS: &[UnsupportedFeature] = &[feature(
    AUTHORIZER,
    "authorizer",
    "dynamic authorization is planned for a later version; until then list 'permissions'",
)];

/// Keys of realms.
pub(crate) const REALM_KEYS: &[UnsupportedFeature] = &[feature(
    "rlinks",
    "rlinks",
    "links between routers are planned for a later version; until then run a client that joins \
     both routers and forwards",
)];

const PYTHON_SERVICE: &str =
    "Python is not run by this program: serve it by a process of its own behind a common proxy";

const COMMON_PROXY: &str = "put a proxy in front of this node that serves this path";

/// Types of web services.
pub(crate) const WEB_SERVICES: &[UnsupportedFeature] = &[
    feature("webhook", "web:webhook", "use a 'publisher', whose clients send JSON"),
    feature("upload", "web:upload", COMMON_PROXY),
    feature("cgi", "web:cgi", COMMON_PROXY),
    feature("wsgi", "web:wsgi", PYTHON_SERVICE),
    feature("resource", "web:resource", PYTHON_SERVICE),
    feature("nodeinfo", "web:nodeinfo", "remove the path, or use a service of type 'json'"),
    feature("reverseproxy", "web:reverseproxy", COMMON_PROXY),
    feature("websocket-reverseproxy", "web:websocket-reverseproxy", COMMON_PROXY),
    feature("archive", "web:archive", "unpack the archive and use a service of type 'static'"),
    feature("wap", "web:wap", COMMON_PROXY),
    feature("catalog", "web:catalog", "remove the path: WAMP catalogs are not planned"),
    feature("schemadoc", "web:schemadoc", "remove the path"),
];

const PACKAGES: &str =
    "Python packages are not read: copy the resource to a directory and name it as 'directory'";

/// The key for a file of a Python package instead of a directory.
pub(crate) const PACKAGE: &str = "package";

/// Keys of static services.
pub(crate) const STATIC_KEYS: &[UnsupportedFeature] =
    &[feature(PACKAGE, "web:package", PACKAGES), feature("resource", "web:package", PACKAGES)];

/// Serializers.
pub(crate) const SERIALIZERS: &[UnsupportedFeature] = &[feature(
    "flatbuffers",
    "serializer:flatbuffers",
    "choose 'json', 'msgpack', 'cbor' or 'ubjson'",
)];

/// The feature with this word, if it is one of these.
pub(crate) fn find<'m>(
    among: &'m [UnsupportedFeature],
    word: &str,
) -> Option<&'m UnsupportedFeature> {
    among.iter().find(|feature| feature.word == word)
}
