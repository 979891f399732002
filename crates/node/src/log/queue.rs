//! The bounded queue between the threads that log and the thread that writes the log.
//!
//! Logging never waits for a reader of the log. A line that does not fit into the queue is dropped
//! and counted, and so is a line that cannot be written. When writing works again, a line reports
//! the number of lost lines.

use std::io::{self, Write};
use std::mem;
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The longest line in bytes. What a peer sends is quoted in at most 200 characters, so only lines
/// of components and containers come near it.
const MAX_LINE: usize = 16 * 1024;

/// How many bytes of lines may wait to be written. About 30,000 usual lines: a burst of joins at
/// level debug fits, and twice as much (one batch waits while another is written) is no burden.
const MAX_QUEUED: usize = 4 * 1024 * 1024;

/// How long writing pauses where standard error is set not to block and takes nothing.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// The end of a line that was cut.
const CUT: &str = "…";

/// Ends the colours of a cut line.
const RESET: &str = "\x1b[0m";

/// Lines that wait to be written.
#[derive(Debug)]
pub(super) struct LogQueue {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Debug)]
struct LogState {
    lines: Vec<u8>,
    /// Lines that were dropped since the writer took lines last.
    dropped: u64,
    /// The writer has taken lines and is not done with them.
    is_writing: bool,
}

/// The lines that the writer takes at once.
#[derive(Debug)]
struct Batch {
    lines: Vec<u8>,
    /// Lines dropped after these.
    dropped: u64,
}

impl LogQueue {
    pub(super) const fn new() -> Self {
        let state = LogState { lines: Vec::new(), dropped: 0, is_writing: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Queues a line, which ends with a line feed. It is cut when it is longer than [`MAX_LINE`]
    /// and dropped when there is no room for it.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.state.lock();
        if state.lines.len() + line.len().min(MAX_LINE) > MAX_QUEUED {
            state.dropped += line_count(line.as_bytes()).max(1);
            return;
        }
        if line.len() <= MAX_LINE {
            state.lines.extend_from_slice(line.as_bytes());
        } else {
            let end = line.floor_char_boundary(MAX_LINE - CUT.len() - RESET.len() - 1);
            let reset = if line.contains(RESET) { RESET } else { "" };
            for part in [&line[..end], CUT, reset, "\n"] {
                state.lines.extend_from_slice(part.as_bytes());
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until everything queued has been written or has failed to be, at most for `timeout`.
    /// Returns whether the queue is empty.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        let is_busy =
            |state: &mut LogState| state.is_writing || !state.lines.is_empty() || state.dropped > 0;
        !self.changed.wait_while_until(&mut state, is_busy, deadline).timed_out()
    }

    /// Waits for lines. The ones taken before have been dealt with.
    fn take(&self) -> Batch {
        let mut state = self.state.lock();
        state.is_writing = false;
        self.changed.notify_all();
        self.changed.wait_while(&mut state, |state| state.lines.is_empty() && state.dropped == 0);
        state.is_writing = true;
        Batch { lines: mem::take(&mut state.lines), dropped: mem::take(&mut state.dropped) }
    }
}

/// Writes the lines of a queue to `sink` for ever. `report` formats the line that says how many
/// lines were lost.
pub(super) fn write_lines(queue: &LogQueue, sink: impl Write, report: impl Fn(u64) -> String) -> ! {
    let mut writer = Writer { sink, report, lost: 0, is_mid_line: false };
    loop {
        writer.write_batch(&queue.take());
    }
}

#[derive(Debug)]
struct Writer<W, R> {
    sink: W,
    report: R,
    /// Lines that were lost and not reported yet.
    lost: u64,
    /// The last line that was written has no end.
    is_mid_line: bool,
}

impl<W: Write, R: Fn(u64) -> String> Writer<W, R> {
    fn write_batch(&mut self, batch: &Batch) {
        if self.report_lost().is_ok() {
            // Lines that can't be written are counted.
            let _ = self.write(&batch.lines);
        } else {
            self.lost += line_count(&batch.lines);
        }
        self.lost += batch.dropped;
        // Where it fails, it is said before the next lines.
        let _ = self.report_lost();
    }

    /// Writes how many lines were lost, if any were.
    fn report_lost(&mut self) -> io::Result<()> {
        let lost = self.lost;
        if lost == 0 {
            return Ok(());
        }
        let report = (self.report)(lost);
        let written = self.write(report.as_bytes());
        // Only the lines before it count, whether the report was written or not.
        self.lost = if written.is_ok() { 0 } else { lost };
        written
    }

    /// Writes lines and counts those that can't be written.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_mid_line {
            self.write_all(b"\n").inspect_err(|_| self.lost += line_count(lines))?;
            self.is_mid_line = false;
        }
        let mut rest = lines;
        let outcome = self.write_part(&mut rest);
        if outcome.is_err() {
            let written = &lines[..lines.len() - rest.len()];
            self.is_mid_line = written.last().is_some_and(|byte| *byte != b'\n');
            self.lost += line_count(rest);
        }
        outcome
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.write_part(&mut bytes)
    }

    /// Writes to the end of `bytes` or to the first error, where `bytes` is what remains.
    fn write_part(&mut self, bytes: &mut &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.sink.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => *bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Meanwhile the queue accepts lines until it is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(RETRY_DELAY),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn line_count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};
    use std::sync::Arc;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;
    use std::time::Duration;

    use super::{LogQueue, MAX_LINE, MAX_QUEUED, Writer, write_lines};

    /// Longer than any of these tests takes.
    const LONG: Duration = Duration::from_secs(60);

    fn report(lost: u64) -> String {
        format!("lost {lost}\n")
    }

    /// Each write does what the next of these says: take so many bytes, or fail.
    struct Scripted {
        script: Vec<Result<usize, ErrorKind>>,
        written: Vec<u8>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let next = if self.script.is_empty() { Ok(bytes.len()) } else { self.script.remove(0) };
            let count = next.map_err(io::Error::from)?.min(bytes.len());
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of batches of lines, each with a number of dropped ones after it.
    fn written(script: &[Result<usize, ErrorKind>], batches: &[(&str, u64)]) -> String {
        let sink = Scripted { script: script.to_vec(), written: Vec::new() };
        let mut writer = Writer { sink, report, lost: 0, is_mid_line: false };
        for (lines, dropped) in batches {
            let lines = lines.as_bytes().to_vec();
            writer.write_batch(&super::Batch { lines, dropped: *dropped });
        }
        String::from_utf8(writer.sink.written).expect("text")
    }

    #[test]
    fn lines_are_written_whatever_pieces_the_sink_takes() {
        let script = [Ok(1), Err(ErrorKind::Interrupted), Ok(2), Err(ErrorKind::WouldBlock)];
        assert_eq!(written(&script, &[("one\ntwo\n", 0), ("three\n", 0)]), "one\ntwo\nthree\n");
    }

    #[test]
    fn dropped_lines_are_reported_after_the_lines_that_were_queued() {
        assert_eq!(written(&[], &[("one\n", 7), ("two\n", 0)]), "one\nlost 7\ntwo\n");
    }

    #[test]
    fn lines_that_cannot_be_written_are_reported_before_the_next_lines() {
        let full = Err(ErrorKind::StorageFull);
        // The lines, the report at once, the report before the next lines, the report after them.
        let script = [full; 4];
        let batches = [("one\ntwo\n", 3), ("three\n", 1), ("four\n", 0)];
        assert_eq!(written(&script, &batches), "lost 7\nfour\n");
    }

    #[test]
    fn a_line_that_is_written_in_part_is_lost_and_ends_before_the_next_one() {
        let full = Err(ErrorKind::StorageFull);
        let script = [Ok(5), full, full];
        let batches = [("one\ntwo\nthree\n", 0), ("four\n", 0)];
        assert_eq!(written(&script, &batches), "one\nt\nlost 2\nfour\n");
    }

    #[test]
    fn a_sink_that_takes_nothing_has_failed() {
        assert_eq!(written(&[Ok(0), Ok(0)], &[("one\n", 0), ("two\n", 0)]), "lost 1\ntwo\n");
    }

    fn queued(queue: &LogQueue) -> String {
        String::from_utf8(queue.take().lines).expect("text")
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let queue = LogQueue::new();
        let fits = format!("{}\n", "x".repeat(MAX_LINE - 1));
        queue.push(&fits);
        assert_eq!(queued(&queue), fits);
        for (line, end) in [
            (format!("x{}\n", "é".repeat(MAX_LINE)), "é…\n"),
            (
                format!("\x1b[1m{}\x1b[0m{}\n", "é".repeat(MAX_LINE), "x".repeat(MAX_LINE)),
                "é…\x1b[0m\n",
            ),
        ] {
            queue.push(&line);
            let cut = queued(&queue);
            assert!(cut.ends_with(end) && cut.len() <= MAX_LINE && cut.len() > MAX_LINE - 16);
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_lines() {
        let queue = LogQueue::new();
        let line = format!("{}\n", "x".repeat(MAX_LINE - 1));
        let room = MAX_QUEUED / MAX_LINE;
        for _ in 0..room + 3 {
            queue.push(&line);
        }
        queue.push("two\nlines\n");
        let batch = queue.take();
        assert_eq!((batch.lines.len(), batch.dropped), (MAX_QUEUED, 5));
        queue.push("one\n");
        assert_eq!(queued(&queue), "one\n");
    }

    /// A sink that waits for a permission before each write and says what it has written.
    struct Permitted {
        permissions: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Permitted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permissions.recv().map_err(|_| ErrorKind::BrokenPipe)?;
            self.written.send(bytes.to_vec()).map_err(|_| ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sink_that_blocks_holds_up_neither_logging_nor_the_end() {
        let queue = Arc::new(LogQueue::new());
        let (permit, permissions) = mpsc::channel();
        let (sender, written) = mpsc::channel();
        let of_writer = Arc::clone(&queue);
        thread::spawn(move || {
            write_lines(&of_writer, Permitted { permissions, written: sender }, report)
        });
        queue.push("one\n");
        assert!(!queue.flush(Duration::from_millis(1)));
        let line = format!("{}\n", "x".repeat(MAX_LINE - 1));
        let pushed = 3 * MAX_QUEUED / MAX_LINE;
        for _ in 0..pushed {
            queue.push(&line);
        }
        assert!(!queue.flush(Duration::from_millis(1)));

        // Enough for all lines and reports.
        (0..10).for_each(|_| permit.send(()).expect("a writer"));
        assert!(queue.flush(LONG));
        let written: Vec<u8> = written.try_iter().flatten().collect();
        let written = String::from_utf8(written).expect("text");
        let (reports, lines): (Vec<_>, Vec<_>) =
            written.lines().partition(|line| line.starts_with("lost "));
        let lost: usize =
            reports.iter().map(|line| line[5..].parse::<usize>().expect("a number")).sum();
        assert!(lost > 0);
        assert_eq!(lines.len() + lost, pushed + 1);
    }
}
