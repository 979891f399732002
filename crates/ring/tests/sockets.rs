//! Sockets in the ring, with real sockets as their peers.
//!
//! On a system without io_uring each test prints that and passes.

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cloverleaf_ring::{Ring, Socket};
use tokio::runtime::Builder;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs a test on a thread with a ring.
fn with_ring<F: Future<Output = ()>>(test: impl FnOnce(Ring) -> F) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if let Err(error) = Ring::start() {
            eprintln!("not tested, since there is no io_uring here: {error}");
            return;
        }
        let ring = Ring::of_thread().expect("it has just been started");
        timeout(TIMEOUT, test(ring)).await.expect("the test is over in time");
    });
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

async fn read(socket: &Socket, most: usize) -> std::io::Result<Vec<u8>> {
    let mut buffer = vec![0; most];
    let count = poll_fn(|context| socket.poll_read(context, &mut buffer)).await?;
    buffer.truncate(count);
    Ok(buffer)
}

async fn write_all(socket: &Socket, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let count = poll_fn(|context| socket.poll_write(context, bytes)).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Bytes without repetition over short distances.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn bytes_flow_both_ways_over_tcp_and_unix_sockets() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        theirs.write_all(b"how are you").unwrap();
        assert_eq!(read(&socket, 3).await.unwrap(), b"how");
        assert_eq!(read(&socket, 100).await.unwrap(), b" are you");

        let (ours, mut unix) = UnixStream::pair().unwrap();
        let second = ring.adopt(ours).unwrap();
        write_all(&second, b"well").await.unwrap();
        write_all(&socket, b"thanks").await.unwrap();
        tokio::task::yield_now().await;
        let (mut first_answer, mut second_answer) = ([0; 6], [0; 4]);
        theirs.read_exact(&mut first_answer).unwrap();
        unix.read_exact(&mut second_answer).unwrap();
        assert_eq!((&first_answer, &second_answer), (b"thanks", b"well"));
    });
}

#[test]
fn megabytes_are_echoed_unchanged() {
    with_ring(|ring| async move {
        let (ours, theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        let sent = noise(8 << 20);
        let expected = sent.clone();
        let mut reader = theirs.try_clone().unwrap();
        let mut writer = theirs;
        let sending = std::thread::spawn(move || writer.write_all(&sent).unwrap());
        let receiving = std::thread::spawn(move || {
            let mut received = vec![0; 8 << 20];
            reader.read_exact(&mut received).unwrap();
            received
        });
        let mut echoed = 0;
        while echoed < expected.len() {
            let bytes = read(&socket, 64 << 10).await.unwrap();
            echoed += bytes.len();
            write_all(&socket, &bytes).await.unwrap();
        }
        sending.join().unwrap();
        let received =
            tokio::task::spawn_blocking(move || receiving.join().unwrap()).await.unwrap();
        assert!(received == expected, "the bytes differ");
    });
}

#[test]
fn end_of_stream_follows_the_bytes_and_repeats() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        theirs.write_all(b"bye").unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read(&socket, 100).await.unwrap(), b"bye");
        assert_eq!(read(&socket, 100).await.unwrap(), b"");
        assert_eq!(read(&socket, 100).await.unwrap(), b"");
        assert!(socket.peer_has_ended());
    });
}

#[test]
fn half_close_follows_all_bytes() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        let expected = noise(1 << 20);
        let receiving = std::thread::spawn(move || {
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            received
        });
        write_all(&socket, &expected).await.unwrap();
        poll_fn(|context| socket.poll_shutdown(context)).await.unwrap();
        let received =
            tokio::task::spawn_blocking(move || receiving.join().unwrap()).await.unwrap();
        assert!(received == expected, "the bytes differ");
    });
}

#[test]
fn bytes_written_before_the_socket_is_dropped_arrive() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        write_all(&socket, b"last words").await.unwrap();
        drop(socket);
        let receiving = tokio::task::spawn_blocking(move || {
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            received
        });
        assert_eq!(receiving.await.unwrap(), b"last words");
    });
}

#[test]
fn writer_waits_for_a_peer_that_does_not_read_and_buffers_a_bounded_amount() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        let piece = noise(64 << 10);
        let mut taken = 0;
        // Until the system's own buffers and the ring's are full.
        while let Ok(count) = timeout(
            Duration::from_millis(200),
            poll_fn(|context| socket.poll_write(context, &piece[taken % piece.len()..])),
        )
        .await
        {
            taken += count.unwrap();
            assert!(taken < 64 << 20, "there is no end to what it takes");
        }
        let receiving = tokio::task::spawn_blocking(move || {
            let mut received = vec![0; taken];
            theirs.read_exact(&mut received).unwrap();
            received
        });
        let received = receiving.await.unwrap();
        assert!(received.iter().eq(piece.iter().cycle().take(taken)), "the bytes differ");
    });
}

#[test]
fn dropped_socket_is_closed_although_its_peer_does_not_read() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        let piece = noise(64 << 10);
        let fill = async {
            loop {
                write_all(&socket, &piece).await.unwrap();
            }
        };
        let _: Result<(), _> = timeout(Duration::from_millis(300), fill).await;
        drop(socket);
        let receiving = tokio::task::spawn_blocking(move || {
            let mut received = Vec::new();
            // The end or a reset, but no endless wait.
            let _ = theirs.read_to_end(&mut received);
            received.len()
        });
        assert!(receiving.await.unwrap() > 0);
    });
}

#[test]
fn unread_bytes_stop_the_sender() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let piece = noise(64 << 10);
        let mut sent = 0;
        let mut timeouts = 20;
        while timeouts > 0 {
            match theirs.write(&piece) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    timeouts -= 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
            assert!(sent < 64 << 20, "there is no end to what it holds");
        }
        drop(theirs);
        let mut received = 0;
        loop {
            match read(&socket, 1 << 20).await.unwrap().len() {
                0 => break,
                count => received += count,
            }
        }
        assert_eq!(received, sent);
    });
}

#[test]
fn end_of_stream_is_known_behind_unread_bytes() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let socket = ring.adopt(ours).unwrap();
        // The ring leaves the last bytes in the buffer of the system.
        for _ in 0..5 {
            theirs.write_all(&noise(40 << 10)).unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!socket.peer_has_ended());
        drop(theirs);
        assert!(socket.peer_has_ended());
    });
}

#[test]
fn reset_is_an_error() {
    with_ring(|ring| async move {
        let (ours, theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        write_all(&socket, b"unread").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Closing with unread bytes resets the connection.
        drop(theirs);
        let error = read(&socket, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn writing_to_a_closed_peer_fails_eventually() {
    with_ring(|ring| async move {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let socket = ring.adopt(ours).unwrap();
        drop(theirs);
        let error = loop {
            if let Err(error) = write_all(&socket, b"hello?").await {
                break error;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn socket_that_leaves_the_ring_takes_its_unread_bytes() {
    with_ring(|ring| async move {
        let (ours, mut theirs) = tcp_pair();
        let socket = ring.adopt(ours).unwrap();
        theirs.write_all(b"one two").unwrap();
        assert_eq!(read(&socket, 3).await.unwrap(), b"one");
        write_all(&socket, b"ready").await.unwrap();
        let (descriptor, unread) = socket.leave().await.unwrap();
        assert_eq!(unread, b" two");

        theirs.write_all(b" three").unwrap();
        let mut ours = TcpStream::from(descriptor);
        ours.set_nonblocking(false).unwrap();
        let mut rest = [0; 6];
        ours.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b" three");
        let mut answer = [0; 5];
        theirs.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ready");
    });
}

#[test]
fn thousand_sockets_are_opened_and_closed() {
    with_ring(|ring| async move {
        for round in 0..4 {
            let mut pairs: Vec<(Socket, UnixStream)> = (0..250)
                .map(|_| {
                    let (ours, theirs) = UnixStream::pair().unwrap();
                    (ring.adopt(ours).unwrap(), theirs)
                })
                .collect();
            for (number, (_, theirs)) in pairs.iter_mut().enumerate() {
                theirs.write_all(&noise(number * 37 + round)).unwrap();
                theirs.write_all(b".").unwrap();
            }
            for (number, (socket, _)) in pairs.iter().enumerate() {
                let expected = number * 37 + round + 1;
                let mut received = Vec::new();
                while received.len() < expected {
                    received.extend(read(socket, 4096).await.unwrap());
                }
                assert_eq!(received[..expected - 1], noise(expected - 1));
                assert_eq!(received[expected - 1..], *b".");
            }
        }
    });
}

#[test]
fn failed_ring_fails_its_sockets_and_accepts_no_others() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    if runtime.block_on(async { Ring::start() }).is_err() {
        return eprintln!("not tested, since there is no io_uring here");
    }
    let ring = Ring::of_thread().expect("it has just been started");
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let socket = ring.adopt(ours).unwrap();
    // The kernel accepts requests only from the thread that has made the ring.
    let elsewhere = std::thread::spawn(move || {
        runtime.block_on(async {
            let reading = timeout(TIMEOUT, read(&socket, 10)).await;
            reading.expect("it does not wait forever").unwrap_err();
            timeout(TIMEOUT, write_all(&socket, b"?")).await.unwrap().unwrap_err();
        });
    });
    elsewhere.join().unwrap();
    assert!(Ring::of_thread().is_none());
    // Its sockets are still closed with their handles.
    theirs.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert_eq!(theirs.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn ring_that_ends_with_its_thread_is_sound() {
    for _ in 0..20 {
        let (ours, theirs) = tcp_pair();
        let thread = std::thread::spawn(move || {
            with_ring(|ring| async move {
                let socket = ring.adopt(ours).unwrap();
                let piece = noise(256 << 10);
                // More than the system buffers: a send request is pending when the thread ends.
                let sending = write_all(&socket, &piece);
                let _ = timeout(Duration::from_millis(1), sending).await;
            });
        });
        thread.join().unwrap();
        drop(theirs);
    }
}
