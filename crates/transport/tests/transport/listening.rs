//! Listening sockets and their files.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cloverleaf_transport::listener::{Listener, PeerAddress, TcpOptions, UnixOptions};
use cloverleaf_transport::stream::system_name;
use tokio::net::UnixStream;

const OPTIONS: TcpOptions = TcpOptions { backlog: 8, shared: false, user_timeout: None };

/// A unique path.
fn path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("cloverleaf-transport-{}-{number}.sock", std::process::id()))
}

#[tokio::test]
async fn stale_socket_file_is_replaced() {
    let path = path();
    // A listener of the standard library leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    let mut listener =
        Listener::unix(&path, UnixOptions::waiting(8)).expect("the stale file is replaced");
    let (connected, (_, address)) = tokio::join!(UnixStream::connect(&path), listener.accept());
    connected.expect("the listener accepts");
    assert_eq!(address, PeerAddress::Unix);
}

#[tokio::test]
async fn socket_in_use_is_refused_and_left_alone() {
    let path = path();
    let mut first = Listener::unix(&path, UnixOptions::waiting(8)).expect("a socket");
    let error = Listener::unix(&path, UnixOptions::waiting(8)).expect_err("the address is in use");
    let sentence = format!("Unix socket {} is already in use: address in use", path.display());
    assert_eq!(error.to_string(), sentence);
    let (connected, _) = tokio::join!(UnixStream::connect(&path), first.accept());
    connected.expect("the first one still listens");
}

#[tokio::test]
async fn socket_file_is_removed_at_the_end() {
    let path = path();
    let listener = Listener::unix(&path, UnixOptions::waiting(8)).expect("a socket");
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn file_that_is_not_a_socket_is_not_removed() {
    let path = path();
    std::fs::write(&path, "precious").expect("a file");
    Listener::unix(&path, UnixOptions::waiting(8)).expect_err("it is no socket");
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
    std::fs::remove_file(&path).expect("removed");
}

#[tokio::test]
async fn socket_file_has_the_configured_mode_and_owner() {
    let path = path();
    let process = std::fs::metadata("/proc/self").expect("this process");
    std::fs::write(&path, "").expect("a file");
    // Changing the owner needs the permission to do so.
    let may_give = chown(&path, Some(1), Some(2)).is_ok();
    std::fs::remove_file(&path).expect("removed");
    let (user, group) = if may_give { (1, 2) } else { (process.uid(), process.gid()) };
    for mode in [0o600, 0o660, 0o777] {
        let options = UnixOptions {
            mode: Some(mode),
            user: Some(user),
            group: Some(group),
            ..UnixOptions::waiting(8)
        };
        let _listener = Listener::unix(&path, options).expect("a socket");
        let file = std::fs::metadata(&path).expect("a file");
        assert_eq!((file.mode() & 0o7777, file.uid(), file.gid()), (mode, user, group));
    }
    if !may_give {
        let options = UnixOptions { user: Some(1), ..UnixOptions::waiting(8) };
        let error = Listener::unix(&path, options).expect_err("this user may not change the owner");
        let sentence = format!("setting mode and owner of Unix socket {}", path.display());
        assert!(error.to_string().starts_with(&sentence), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn abstract_socket_has_no_file() {
    let name = PathBuf::from(format!("@{}", path().display()));
    let mut listener = Listener::unix(&name, UnixOptions::waiting(8)).expect("a socket");
    let (connected, (_, address)) =
        tokio::join!(UnixStream::connect(system_name(&name)), listener.accept());
    connected.expect("the listener accepts");
    assert_eq!(address, PeerAddress::Unix);
    assert!(!name.exists());
    let error = Listener::unix(&name, UnixOptions::waiting(8)).expect_err("the address is in use");
    let sentence = format!("Unix socket {} is already in use", name.display());
    assert!(error.to_string().starts_with(&sentence), "{error}");
    drop(listener);
    Listener::unix(&name, UnixOptions::waiting(8)).expect("it is free again");
}

#[tokio::test]
async fn port_in_use_is_an_error_with_a_sentence() {
    let first = Listener::tcp(([127, 0, 0, 1], 0).into(), OPTIONS).expect("a port");
    let address = first.local_address().expect("an address");
    let error = Listener::tcp(address, OPTIONS).expect_err("the address is in use");
    let start = format!("TCP address {address} is already in use");
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[tokio::test]
async fn listeners_share_a_port_if_all_of_them_are_configured_so() {
    let shared = TcpOptions { shared: true, ..OPTIONS };
    let first = Listener::tcp(([127, 0, 0, 1], 0).into(), shared).expect("a port");
    let address = first.local_address().expect("an address");
    Listener::tcp(address, shared).expect("the same port");
    Listener::tcp(address, OPTIONS).expect_err("not shared by this one");
}

#[test]
fn addresses_are_written_as_autobahn_writes_them() {
    for (address, written) in [
        ("127.0.0.1:40312", "tcp4:127.0.0.1:40312"),
        ("[::1]:8080", "tcp6:::1:8080"),
        ("[::ffff:192.0.2.1]:80", "tcp4:192.0.2.1:80"),
    ] {
        let address = PeerAddress::ip(address.parse().expect("an address"));
        assert_eq!(address.descriptor(), written);
    }
    assert_eq!(PeerAddress::Unix.descriptor(), "unix");
}

#[test]
fn socket_path_is_checked_without_creating_the_file() {
    let path = path();
    let directory = path.parent().expect("a directory");
    Listener::check_file(&path).expect("a file that can be made");
    assert!(!path.exists(), "it is not made");
    let said = |path: &Path| Listener::check_file(path).expect_err("no socket").to_string();
    let nowhere = directory.join("nowhere");
    let sentence = format!("there is no directory '{}'", nowhere.display());
    assert_eq!(said(&nowhere.join("router.sock")), sentence);
    assert!(said(&directory.join("x".repeat(108))).contains("at most 107 bytes"));
    assert!(said(&directory.join("x\0y")).contains("none of which is NUL"));
    std::fs::write(&path, "precious").expect("a file");
    assert_eq!(said(&path), "there is a file of this name that is no socket");
    std::fs::remove_file(&path).expect("the file to be gone");
    let socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    Listener::check_file(&path).expect("a socket, on which another process may listen");
    drop(socket);
    Listener::check_file(&path).expect("a socket that is left over");
    std::fs::remove_file(&path).expect("the file to be gone");
}
