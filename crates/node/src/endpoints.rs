//! Binds the endpoints of listeners: TCP ports and Unix sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cloverleaf_config::settings::{
    IpVersion, ListeningEndpoint, ListeningTcp, ListeningUnix, Ports,
};
use cloverleaf_transport::TransportError;
use cloverleaf_transport::listener::{Listener, TcpOptions, UnixOptions};
use tokio::task::spawn_blocking;

use crate::owner;

/// Binds endpoints. First those with a port, then those with a range, then those with any port, so
/// that none takes a port that another one names. Returns the listeners in the order of
/// `endpoints`.
///
/// # Errors
/// The first endpoint that can't be bound; the others are closed again.
pub(crate) async fn bind_all<'e>(
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
        let bound = match has_names(endpoint) {
            true => bind_elsewhere(endpoint.clone()).await,
            false => bind(endpoint),
        };
        listeners.push((index, bound.map_err(|error| (endpoint, error))?));
    }
    listeners.sort_by_key(|(index, _)| *index);
    Ok(listeners.into_iter().map(|(_, listener)| listener).collect())
}

/// Whether binding an endpoint looks up names: of an interface, or of a user and a group.
fn has_names(endpoint: &ListeningEndpoint) -> bool {
    match endpoint {
        ListeningEndpoint::Unix(unix) => unix.owner.is_some(),
        ListeningEndpoint::Tcp(tcp) => {
            tcp.interface.as_ref().is_some_and(|found| found.name.parse::<IpAddr>().is_err())
        }
    }
}

/// Binds an endpoint on another thread, since the look-up of a name may block for long.
async fn bind_elsewhere(endpoint: ListeningEndpoint) -> Result<Listener, TransportError> {
    let bound = spawn_blocking(move || bind(&endpoint)).await;
    bound.map_err(io::Error::from).map_err(TransportError::io("binding an endpoint"))?
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
        .ok_or_else(|| failed()(io::ErrorKind::AddrNotAvailable.into()))
}
