//! Questions and answers over one Unix socket, many in flight. Both ends write through a queue:
//! whatever is in it when the writer wakes goes out with one write. What is asked is none of
//! this room's business.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use slab::Slab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::frame::Frame;

/// Frames that may wait for the writer, and that one write may carry: above the 200 connections
/// of the measurement, so that it never makes them wait, and still a bound.
const QUEUE: usize = 1024;

/// Octets asked for by one read: a few hundred frames of the measurement.
const READ_CHUNK: usize = 16 * 1024;

type Pending = Arc<Mutex<Slab<oneshot::Sender<Bytes>>>>;

/// The asking end.
#[derive(Debug, Clone)]
pub struct Asker {
    queue: mpsc::Sender<Frame>,
    pending: Pending,
}

impl Asker {
    /// An asker on `stream`, and the work behind it: whoever opens it runs that work, which ends
    /// when the connection does.
    pub fn open(stream: UnixStream) -> (Self, impl Future<Output = io::Result<()>> + Send) {
        let (from, to) = stream.into_split();
        let (queue, frames) = mpsc::channel(QUEUE);
        let pending = Pending::default();
        let asker = Self { queue, pending: Arc::clone(&pending) };
        let work = async move {
            let ended = both(write_frames(frames, to), take_answers(from, &pending)).await;
            locked(&pending).clear();
            ended
        };
        (asker, work)
    }

    /// Sends `question` and waits for its answer.
    ///
    /// # Errors
    /// `BrokenPipe` when the connection ends before the answer came.
    pub async fn ask(&self, question: Bytes) -> io::Result<Bytes> {
        let (answered, answer) = oneshot::channel();
        let place = locked(&self.pending).insert(answered);
        let frame = Frame { id: place as u64, body: question };
        self.queue.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(answer.await.map_err(|_| io::ErrorKind::BrokenPipe)?)
    }
}

/// The answering end: gives `answer` to every question on `stream`, until that ends.
///
/// # Errors
/// Those of the socket, and `InvalidData` for a frame over the limit.
pub async fn answer_all(stream: UnixStream, answer: &'static [u8]) -> io::Result<()> {
    let (from, to) = stream.into_split();
    let (queue, frames) = mpsc::channel(QUEUE);
    let asked = async move {
        let mut questions = FrameReader::new(from);
        while let Some(Frame { id, .. }) = questions.next().await? {
            let frame = Frame { id, body: Bytes::from_static(answer) };
            queue.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    };
    both(write_frames(frames, to), asked).await
}

/// Runs the writer as a task of its own, so that it wakes once for all that was queued before
/// its turn, and ends it with the reader.
async fn both(
    writer: impl Future<Output = io::Result<()>> + Send + 'static,
    reader: impl Future<Output = io::Result<()>> + Send,
) -> io::Result<()> {
    let mut writer = tokio::spawn(writer);
    tokio::select! {
        written = &mut writer => written.map_err(io::Error::other)?,
        read = reader => {
            writer.abort();
            // Only after its end does the queue refuse what nobody would send.
            let _ = writer.await;
            read
        }
    }
}

async fn take_answers(from: OwnedReadHalf, pending: &Pending) -> io::Result<()> {
    let mut answers = FrameReader::new(from);
    while let Some(Frame { id, body }) = answers.next().await? {
        let place = usize::try_from(id).unwrap_or(usize::MAX);
        if let Some(waiting) = locked(pending).try_remove(place) {
            // Nobody waits any more when the HTTP client hung up; its answer is dropped.
            let _ = waiting.send(body);
        }
    }
    Ok(())
}

async fn write_frames(mut frames: mpsc::Receiver<Frame>, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut batch = Vec::with_capacity(QUEUE);
    let mut octets = BytesMut::new();
    while frames.recv_many(&mut batch, QUEUE).await > 0 {
        for frame in batch.drain(..) {
            frame.encode(&mut octets)?;
        }
        to.write_all_buf(&mut octets).await?;
    }
    Ok(())
}

/// A poisoned lock is taken as it is: nothing that could panic happens under it.
fn locked(
    pending: &Mutex<Slab<oneshot::Sender<Bytes>>>,
) -> MutexGuard<'_, Slab<oneshot::Sender<Bytes>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

struct FrameReader {
    from: OwnedReadHalf,
    buffer: BytesMut,
}

impl FrameReader {
    fn new(from: OwnedReadHalf) -> Self {
        Self { from, buffer: BytesMut::with_capacity(READ_CHUNK) }
    }

    /// The next frame, or nothing at the end of the stream.
    async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(READ_CHUNK);
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thousand_questions_in_flight_are_each_answered_once() {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        tokio::spawn(answer_all(far, b"sixteen"));
        let (asker, work) = Asker::open(near);
        tokio::spawn(work);
        let questions: Vec<_> = (0..1000)
            .map(|_| {
                let asker = asker.clone();
                tokio::spawn(async move { asker.ask(Bytes::from_static(b"13 + 3")).await })
            })
            .collect();
        for question in questions {
            let answer = question.await.expect("no panic").expect("an answer");
            assert_eq!(answer, "sixteen");
        }
        assert!(locked(&asker.pending).is_empty());
    }

    #[tokio::test]
    async fn a_question_in_flight_ends_in_an_error_when_the_peer_goes() {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        let (asker, work) = Asker::open(near);
        let work = tokio::spawn(work);
        let question = tokio::spawn(async move { asker.ask(Bytes::from_static(b"?")).await });
        far.readable().await.expect("the question");
        drop(far);
        // Linux resets the connection when the question was never read.
        let _ = work.await.expect("no panic");
        let error = question.await.expect("no panic").expect_err("nobody answers");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_question_whose_peer_is_gone_ends_in_an_error() {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        let (asker, work) = Asker::open(near);
        drop(far);
        work.await.expect("an orderly end of the stream");
        let error = asker.ask(Bytes::new()).await.expect_err("nobody answers");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
