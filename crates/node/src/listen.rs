//! Listeners and what their connections speak.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use cloverleaf_config::settings::{
    IpVersion, ListeningEndpoint, ListeningTcp, ListeningUnix, Ports,
};
use cloverleaf_router::Admission;
use cloverleaf_transport::detect::{Spoken, detect};
use cloverleaf_transport::echo::send_back;
use cloverleaf_transport::listener::{Listener, PeerAddress, TcpOptions, UnixOptions};
use cloverleaf_transport::outbound::{RefusesFrom, queue_with};
use cloverleaf_transport::{
    BatchedHandler, Connection, Framing, Outbound, PeerInfo, ServerSide, SlowConsumer, Stream,
    TransportError, WaitingMessage, WampHandler, log_limited, proxied, rawsocket,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::serializer::Serializer;

use crate::memory::Memory;
use crate::peer::{Attachment, RouterPeer};
use crate::realms::Realms;
use crate::shutdown::Ending;
use crate::threads::Threads;
use crate::web::WebSite;

pub(crate) mod owner;

/// What WAMP connections of one listener or path have in common.
#[derive(Debug)]
pub(crate) struct WampService {
    pub(crate) realms: Arc<Realms>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) serializers: Vec<Serializer>,
    /// The longest message that is accepted, in bytes.
    pub(crate) max_message: usize,
    /// What becomes of events for slow consumers, where their role does not say.
    pub(crate) slow_consumer: SlowConsumer,
    /// Whether WELCOME tells the router's name and version.
    pub(crate) tells_agent: bool,
    /// What its connections may hold, with all others of the node.
    pub(crate) memory: Memory,
}

impl WampService {
    /// The WebSocket subprotocols, as a list for people: those without batches first.
    pub(crate) fn spoken(&self) -> String {
        let formats = [false, true].into_iter().flat_map(|is_batched| {
            self.serializers.iter().map(move |&serializer| MessageFormat { serializer, is_batched })
        });
        let names: Vec<&str> = formats.map(MessageFormat::subprotocol).collect();
        names.join(", ")
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(
        &self,
        stream: Stream,
        format: MessageFormat,
        framing: Framing,
        early: &mut [u8],
        peer: PeerInfo,
    ) {
        let memory = &self.memory;
        let (sender, outlet) = queue_with(RefusesFrom::default(), Some(memory.queues()));
        let peer = self.peer(format, sender, peer);
        if format.is_batched {
            let handler = BatchedHandler::<ServerSide, _>::new(format.serializer, peer);
            // In a box, so that the other connections don't carry its room.
            let connection = Connection::new(stream, framing, handler, outlet, early);
            Box::pin(connection.with_input_memory(memory.input())).await;
        } else {
            let handler = WampHandler::<ServerSide, _>::new(format.serializer, peer);
            let connection = Connection::new(stream, framing, handler, outlet, early);
            connection.with_input_memory(memory.input()).await;
        }
    }

    /// What gives the messages of one peer their meaning.
    pub(crate) fn handler(
        &self,
        serializer: Serializer,
        sender: Outbound<WaitingMessage>,
        peer: PeerInfo,
    ) -> WampHandler<ServerSide, RouterPeer> {
        let format = MessageFormat { serializer, is_batched: false };
        WampHandler::new(serializer, self.peer(format, sender, peer))
    }

    fn peer(
        &self,
        format: MessageFormat,
        sender: Outbound<WaitingMessage>,
        peer: PeerInfo,
    ) -> RouterPeer {
        let (realms, admission) = (Arc::clone(&self.realms), Arc::clone(&self.admission));
        let attachment = Attachment {
            peer,
            format,
            slow_consumer: self.slow_consumer,
            tells_agent: self.tells_agent,
        };
        RouterPeer::new(realms, admission, sender, attachment)
    }
}

/// What the connections of a listener speak.
#[derive(Debug, Clone)]
pub(crate) enum Protocol {
    /// WAMP over RawSocket.
    RawSocket(Arc<WampService>),
    /// HTTP.
    Web(Arc<WebSite>),
    /// Either of them, as the peer's first octet says.
    Universal(Arc<Universal>),
    /// Nothing: what comes is sent back.
    Echo,
}

/// What may be spoken on a port that is shared.
#[derive(Debug)]
pub(crate) struct Universal {
    pub(crate) rawsocket: Option<WampService>,
    pub(crate) site: Option<Arc<WebSite>>,
}

impl Protocol {
    /// Serves one connection. Behind a proxy, the proxy says where it comes from.
    async fn serve(self, mut stream: Stream, mut from: PeerAddress, is_proxied: bool) {
        if is_proxied {
            from = match proxied::peer_address(&mut stream, from.clone()).await {
                Ok(client) => client,
                Err(error @ TransportError::Proxied(_)) => {
                    log_limited!(
                        info,
                        "connection refused",
                        peer = %from,
                        transport = self.name(),
                        reason = %error
                    );
                    return;
                }
                // A proxy may connect only to see whether that can be done.
                Err(error) => {
                    return tracing::debug!(peer = %from, reason = %error, "connection closed early");
                }
            };
        }
        match self {
            Self::RawSocket(service) => serve_rawsocket(&service, stream, None, from).await,
            Self::Web(site) => site.serve(stream, &[], from).await,
            Self::Universal(universal) => universal.serve(stream, from).await,
            // In a box, so that the other connections don't carry its room.
            Self::Echo => Box::pin(send_back(stream)).await,
        }
    }

    /// Its name in the log.
    const fn name(&self) -> &'static str {
        match self {
            Self::RawSocket(_) => "rawsocket",
            Self::Web(_) => "web",
            Self::Universal(_) => "universal",
            Self::Echo => "echo",
        }
    }

    /// What of it is HTTP.
    fn site(&self) -> Option<&Arc<WebSite>> {
        match self {
            Self::RawSocket(_) | Self::Echo => None,
            Self::Web(site) => Some(site),
            Self::Universal(universal) => universal.site.as_ref(),
        }
    }
}

impl Universal {
    async fn serve(&self, mut stream: Stream, from: PeerAddress) {
        let (spoken, first) = match detect(&mut stream).await {
            Ok(detected) => detected,
            Err(error) => {
                return tracing::debug!(peer = %from, reason = %error, "connection closed early");
            }
        };
        match (spoken, &self.rawsocket, &self.site) {
            (Spoken::RawSocket, Some(service), _) => {
                serve_rawsocket(service, stream, Some(first), from).await;
            }
            (Spoken::Http, _, Some(site)) => Arc::clone(site).serve(stream, &[first], from).await,
            // MQTT is not served yet; its peers are closed like all whose protocol is not here.
            (Spoken::RawSocket | Spoken::Mqtt | Spoken::Http, ..) => {
                log_limited!(
                    info,
                    "connection refused",
                    peer = %from,
                    transport = "universal",
                    reason = format_args!("no {spoken} is served here")
                );
            }
        }
    }
}

async fn serve_rawsocket(
    service: &WampService,
    mut stream: Stream,
    first: Option<u8>,
    from: PeerAddress,
) {
    let WampService { serializers, max_message, .. } = service;
    match rawsocket::accept(&mut stream, first, serializers, *max_message).await {
        Ok(agreed) => {
            let peer = PeerInfo::rawsocket(from);
            let format = MessageFormat { serializer: agreed.serializer, is_batched: false };
            service.serve(stream, format, agreed.framing, &mut [], peer).await;
        }
        Err(error) => log_limited!(
            info,
            "connection refused",
            peer = %from,
            transport = "rawsocket",
            reason = %error
        ),
    }
}

/// A listener with what it serves.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    pub(crate) protocol: Protocol,
    /// Whether connections begin with what a proxy says of its client.
    pub(crate) is_proxied: bool,
}

impl Listening {
    /// Accepts until the node ends; then the listener is gone, and its socket file with it.
    pub(crate) async fn run(mut self, threads: Arc<Threads>, mut ending: Ending) {
        if let Some(site) = self.protocol.site() {
            let (site, ending) = (Arc::clone(site), ending.clone());
            tokio::spawn(async move { site.visits.watch(site.timeouts, ending).await });
        }
        let accept = async {
            loop {
                let (socket, from) = self.listener.accept().await;
                let protocol = self.protocol.clone();
                let is_proxied = self.is_proxied;
                threads.give(socket, move |stream| protocol.serve(stream, from, is_proxied));
            }
        };
        tokio::select! {
            () = accept => {}
            () = ending.wait() => {}
        }
    }
}

/// Binds endpoints, in the order in which none takes a port that another one names: those with a
/// port, those with a range of ports, those with any port. Returns the listeners in the order of
/// the endpoints.
pub(crate) fn bind_all<'e>(
    endpoints: impl Iterator<Item = &'e ListeningEndpoint>,
) -> Result<Vec<Listener>, (&'e ListeningEndpoint, TransportError)> {
    let mut endpoints: Vec<_> = endpoints.enumerate().collect();
    endpoints.sort_by_key(|(_, endpoint)| match endpoint {
        ListeningEndpoint::Tcp(ListeningTcp { ports: Ports::FirstFreeOf(_), .. }) => 1,
        ListeningEndpoint::Tcp(ListeningTcp { ports: Ports::One(0), .. }) => 2,
        ListeningEndpoint::Tcp(_) | ListeningEndpoint::Unix(_) => 0,
    });
    let mut listeners = Vec::new();
    for (index, endpoint) in endpoints {
        listeners.push((index, bind(endpoint).map_err(|error| (endpoint, error))?));
    }
    listeners.sort_by_key(|(index, _)| *index);
    Ok(listeners.into_iter().map(|(_, listener)| listener).collect())
}

/// Binds an endpoint of the configuration.
fn bind(endpoint: &ListeningEndpoint) -> Result<Listener, TransportError> {
    match endpoint {
        ListeningEndpoint::Unix(unix) => bind_unix(unix),
        ListeningEndpoint::Tcp(tcp) => bind_tcp(tcp),
    }
}

fn bind_unix(unix: &ListeningUnix) -> Result<Listener, TransportError> {
    let (user, group) = owner::numbers(unix.owner.as_ref())
        .map_err(TransportError::io(format!("the owner of Unix socket {}", unix.path.display())))?;
    let options = UnixOptions { backlog: unix.backlog, mode: unix.mode, user, group };
    Listener::unix(&unix.path, options)
}

fn bind_tcp(tcp: &ListeningTcp) -> Result<Listener, TransportError> {
    let options =
        TcpOptions { backlog: tcp.backlog, shared: tcp.shared, user_timeout: tcp.user_timeout };
    let interface = interface(tcp)?;
    match &tcp.ports {
        Ports::One(port) => Listener::tcp(SocketAddr::new(interface, *port), options),
        Ports::FirstFreeOf(ports) => {
            // The first free port of the range; the last one's error if there is none.
            let mut tried = Listener::tcp(SocketAddr::new(interface, *ports.start()), options);
            for port in ports.clone().skip(1) {
                if tried.is_ok() {
                    break;
                }
                tried = Listener::tcp(SocketAddr::new(interface, port), options);
            }
            tried
        }
    }
}

/// The address to listen on: the one that is given, by number or name, or all.
fn interface(tcp: &ListeningTcp) -> Result<IpAddr, TransportError> {
    let Some(name) = tcp.interface.as_ref().map(|interface| interface.name.as_str()) else {
        return Ok(match tcp.version {
            IpVersion::V4 => Ipv4Addr::UNSPECIFIED.into(),
            IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
        });
    };
    let wanted = |address: &IpAddr| match tcp.version {
        IpVersion::V4 => address.is_ipv4(),
        IpVersion::V6 => address.is_ipv6(),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address);
    }
    let failed = || TransportError::io(format!("looking up the interface '{name}'"));
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(&(name, 0)).map_err(failed())?;
    found
        .find(|address| wanted(&address.ip()))
        .map(|address| address.ip())
        .ok_or_else(|| failed()(std::io::ErrorKind::AddrNotAvailable.into()))
}
