//! Questions and answers over one Unix socket, with many in flight. Both ends write through a
//! queue: one write sends all queued frames. The content is not interpreted here.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use slab::Slab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::frame::RelayFrame;

/// Frames that may wait for the writer, and that one write may send. The bound is above the 200
/// connections of the measurement, so that it never delays them.
const QUEUE: usize = 1024;

/// Bytes requested by one read: a few hundred frames of the measurement.
const READ_CHUNK: usize = 16 * 1024;

type PendingAnswers = Arc<Mutex<Slab<oneshot::Sender<Bytes>>>>;

/// The asking end.
#[derive(Debug, Clone)]
pub struct Asker {
    queue: mpsc::Sender<RelayFrame>,
    pending: PendingAnswers,
}

impl Asker {
    /// Returns an asker on `stream` and its background work. The caller has to run that work, which
    /// ends with the connection.
    pub fn open(stream: UnixStream) -> (Self, impl Future<Output = io::Result<()>> + Send) {
        let (from, to) = stream.into_split();
        let (queue, frames) = mpsc::channel(QUEUE);
        let pending = PendingAnswers::default();
        let asker = Self { queue, pending: Arc::clone(&pending) };
        let work = async move {
            let ended = both(write_frames(frames, to), take_answers(from, &pending)).await;
            locked(&pending).clear();
            ended
        };
        (asker, work)
    }

    /// Sends `question` and waits for the answer.
    ///
    /// # Errors
    /// `BrokenPipe` if the connection ends before the answer.
    pub async fn ask(&self, question: Bytes) -> io::Result<Bytes> {
        let (answered, answer) = oneshot::channel();
        let place = locked(&self.pending).insert(answered);
        let frame = RelayFrame { id: place as u64, body: question };
        self.queue.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(answer.await.map_err(|_| io::ErrorKind::BrokenPipe)?)
    }
}

/// The answering end: sends `answer` to every question on `stream`, until the stream ends.
///
/// # Errors
/// Errors of the socket, and `InvalidData` for a frame over the limit.
pub async fn answer_all(stream: UnixStream, answer: &'static [u8]) -> io::Result<()> {
    let (from, to) = stream.into_split();
    let (queue, frames) = mpsc::channel(QUEUE);
    let asked = async move {
        let mut questions = FrameReader::new(from);
        while let Some(RelayFrame { id, .. }) = questions.next().await? {
            let frame = RelayFrame { id, body: Bytes::from_static(answer) };
            queue.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    };
    both(write_frames(frames, to), asked).await
}

/// Runs the writer as a separate task, so that it wakes once for all frames that were queued
/// before, and ends it with the reader.
async fn both(
    writer: impl Future<Output = io::Result<()>> + Send + 'static,
    reader: impl Future<Output = io::Result<()>> + Send,
) -> io::Result<()> {
    let mut writer = tokio::spawn(writer);
    tokio::select! {
        written = &mut writer => written.map_err(io::Error::other)?,
        read = reader => {
            writer.abort();
            // The queue refuses frames only after the writer has ended.
            let _ = writer.await;
            read
        }
    }
}

async fn take_answers(from: OwnedReadHalf, pending: &PendingAnswers) -> io::Result<()> {
    let mut answers = FrameReader::new(from);
    while let Some(RelayFrame { id, body }) = answers.next().await? {
        let place = usize::try_from(id).unwrap_or(usize::MAX);
        if let Some(waiting) = locked(pending).try_remove(place) {
            // The question was dropped, since the HTTP client hung up; so is its answer.
            let _ = waiting.send(body);
        }
    }
    Ok(())
}

async fn write_frames(
    mut frames: mpsc::Receiver<RelayFrame>,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
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

/// A poisoned lock is used as it is: nothing under it can panic.
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

    /// The next frame, or `None` at the end of the stream.
    async fn next(&mut self) -> io::Result<Option<RelayFrame>> {
        loop {
            if let Some(frame) = RelayFrame::decode(&mut self.buffer)? {
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
    async fn each_of_a_thousand_questions_in_flight_is_answered_once() {
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
    async fn a_question_in_flight_fails_when_the_peer_disconnects() {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        let (asker, work) = Asker::open(near);
        let work = tokio::spawn(work);
        let question = tokio::spawn(async move { asker.ask(Bytes::from_static(b"?")).await });
        far.readable().await.expect("the question");
        drop(far);
        // Linux resets the connection if the question was never read.
        let _ = work.await.expect("no panic");
        let error = question.await.expect("no panic").expect_err("no answer");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_question_to_a_disconnected_peer_fails() {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        let (asker, work) = Asker::open(near);
        drop(far);
        work.await.expect("an orderly end of the stream");
        let error = asker.ask(Bytes::new()).await.expect_err("no answer");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
