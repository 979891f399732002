//! Records in a file: kept in order, bounded, found again.

mod damage;

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use cloverleaf_store::{
    HistoryLimits, ReadRequest, RecordStore, StoreError, StoreObserver, StoreReport, StoredRecord,
    WriteOutcome, check,
};

const SOON: Duration = Duration::from_secs(30);
const CACHE: usize = 8 << 20;
const NO_LIMIT: u64 = u64::MAX;

/// A directory that is gone when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("store-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("events.redb")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn history(name: &str, max_records: u64) -> HistoryLimits {
    HistoryLimits { name: name.to_owned(), max_records, max_bytes: NO_LIMIT }
}

fn record(id: u64, bytes: impl Into<Vec<u8>>) -> StoredRecord {
    StoredRecord { id, bytes: bytes.into() }
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Stored(u64),
    Damaged(String, u64),
    Missing(String, u64, u64),
    Checked { records: u64, damaged: u64, missing: u64 },
    Other(String),
}

struct Watch(Sender<Heard>);

impl StoreObserver for Watch {
    fn stored(&self, up_to: u64, outcome: WriteOutcome<'_>) {
        outcome.expect("it is stored");
        let _ = self.0.send(Heard::Stored(up_to));
    }

    fn report(&self, report: StoreReport<'_>) {
        let _ = self.0.send(match report {
            StoreReport::Damaged { history, place } => Heard::Damaged(history.to_owned(), place),
            StoreReport::Missing { history, place, count } => {
                Heard::Missing(history.to_owned(), place, count)
            }
            StoreReport::Checked { records, damaged, missing } => {
                Heard::Checked { records, damaged, missing }
            }
            other => Heard::Other(format!("{other:?}")),
        });
    }
}

/// A store, and what it tells.
struct Open {
    store: RecordStore,
    heard: Receiver<Heard>,
}

fn try_open(path: &Path, histories: &[HistoryLimits]) -> Result<Open, StoreError> {
    let (sender, heard) = channel();
    let id_of = |bytes: &[u8]| bytes.first().copied().map(u64::from);
    let store = RecordStore::open(path, histories, CACHE, id_of, Watch(sender))?;
    Ok(Open { store, heard })
}

fn open(directory: &Directory, histories: &[HistoryLimits]) -> Open {
    try_open(&directory.file(), histories).expect("the file opens")
}

/// A request for records.
#[derive(Default)]
struct Ask {
    from: Option<u64>,
    limit: Option<usize>,
    is_reverse: bool,
    found: Vec<Vec<u8>>,
    answer: Option<Sender<Vec<Vec<u8>>>>,
}

impl ReadRequest for Ask {
    fn places(
        &self,
        all: Range<u64>,
        place: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Option<Range<u64>> {
        match self.from {
            Some(id) => Some(place(id)?..all.end),
            None => Some(all),
        }
    }

    fn is_reverse(&self) -> bool {
        self.is_reverse
    }

    fn is_wanted(&self) -> bool {
        true
    }

    fn visit(&mut self, record: &[u8]) -> ControlFlow<()> {
        self.found.push(record.to_vec());
        if self.limit.is_some_and(|limit| self.found.len() >= limit) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(mut self: Box<Self>, outcome: Result<(), &str>) {
        let answer = self.answer.take().expect("an answer is waited for");
        if outcome.is_ok() {
            let _ = answer.send(self.found);
        }
    }
}

impl Open {
    /// Waits until everything up to the number is safe.
    fn wait_for(&self, number: u64) {
        loop {
            match self.heard.recv_timeout(SOON).expect("it is said to be safe") {
                Heard::Stored(safe) if safe >= number => return,
                _ => {}
            }
        }
    }

    /// What was told until the file was checked.
    fn checked(&self) -> Vec<Heard> {
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Heard::Checked { .. })) {
            heard.push(self.heard.recv_timeout(SOON).expect("the file is checked"));
        }
        heard
    }

    fn ask(&self, history: usize, ask: Ask) -> Receiver<Vec<Vec<u8>>> {
        let (sender, answer) = channel();
        let ask = Ask { answer: Some(sender), ..ask };
        assert!(self.store.read(history, Box::new(ask)).is_ok(), "too many wait");
        answer
    }

    fn read(&self, history: usize, ask: Ask) -> Vec<Vec<u8>> {
        self.ask(history, ask).recv_timeout(SOON).expect("an answer")
    }

    fn all(&self, history: usize) -> Vec<Vec<u8>> {
        self.read(history, Ask::default())
    }
}

#[test]
fn what_was_appended_is_found_again_in_order_by_its_history() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 10), history("b", 10)]);
    assert_eq!(opened.store.append(0, record(1, "one")), 1);
    assert_eq!(opened.store.append(1, record(2, "other")), 2);
    assert_eq!(opened.store.append(0, record(3, "two")), 3);
    opened.wait_for(3);
    drop(opened);
    // The numbers belong to the names, not to their places in the list.
    let opened = open(&directory, &[history("b", 10), history("a", 10)]);
    assert_eq!(
        [opened.all(0), opened.all(1)],
        [vec![b"other".to_vec()], vec![b"one".to_vec(), b"two".to_vec()]]
    );
    opened.store.append(1, record(4, "three"));
    drop(opened);
    let opened = open(&directory, &[history("a", 10)]);
    assert_eq!(opened.all(0), [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
}

#[test]
fn what_was_appended_before_a_request_is_found_by_it() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1_000)]);
    for id in 0..100 {
        opened.store.append(0, record(id, id.to_le_bytes()));
        let latest = Ask { is_reverse: true, limit: Some(1), ..Ask::default() };
        assert_eq!(opened.read(0, latest), [id.to_le_bytes().to_vec()]);
    }
}

#[test]
fn of_each_history_only_the_latest_are_kept() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 3)]);
    for number in 0..10_u8 {
        opened.store.append(0, record(number.into(), [number]));
    }
    assert_eq!(opened.all(0), [[7], [8], [9]]);
    drop(opened);
    // A lower limit holds from the next record on.
    let opened = open(&directory, &[history("a", 2)]);
    opened.store.append(0, record(10, [10]));
    assert_eq!(opened.all(0), [[9], [10]]);
}

#[test]
fn the_bytes_of_a_history_are_limited_and_its_newest_record_stays() {
    let directory = Directory::new();
    let limited = HistoryLimits { max_bytes: 5_000, ..history("a", 1_000) };
    let opened = open(&directory, std::slice::from_ref(&limited));
    for number in 0..20_u8 {
        opened.store.append(0, record(number.into(), vec![number; 1_000]));
    }
    let firsts = |records: Vec<Vec<u8>>| records.iter().map(|bytes| bytes[0]).collect::<Vec<_>>();
    assert_eq!(firsts(opened.all(0)), [16, 17, 18, 19]);
    drop(opened);
    // What is there is known after the start, too.
    let opened = open(&directory, &[limited]);
    opened.store.append(0, record(20, vec![20; 1_000]));
    assert_eq!(firsts(opened.all(0)), [17, 18, 19, 20]);
    opened.store.append(0, record(21, vec![21; 10_000]));
    assert_eq!(firsts(opened.all(0)), [21]);
}

#[test]
fn a_limit_that_was_lowered_is_reached_over_several_transactions() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 10_000)]);
    for id in 0..5_000 {
        opened.store.append(0, record(id, [1]));
    }
    drop(opened);
    let opened = open(&directory, &[history("a", 10)]);
    for id in 0..10 {
        opened.store.append(0, record(10_000 + id, [2]));
        opened.wait_for(id + 1);
    }
    assert_eq!(opened.all(0), vec![vec![2]; 10]);
}

#[test]
fn a_store_that_is_dropped_has_written_everything() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 100_000)]);
    for number in 0..5_000_u32 {
        opened.store.append(0, record(number.into(), number.to_le_bytes()));
    }
    drop(opened);
    let records = open(&directory, &[history("a", 100_000)]).all(0);
    assert_eq!(records.len(), 5_000);
    assert_eq!(records[4_999], 4_999_u32.to_le_bytes());
}

#[test]
fn a_store_that_can_not_keep_up_says_that_it_has_no_room() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 2)]);
    assert!(opened.store.has_room());
    // A disk is slower than that.
    for id in 0..40 {
        opened.store.append(0, record(id, vec![0; 16 * 1024 * 1024]));
        if !opened.store.has_room() {
            return;
        }
    }
    panic!("there is room for everything");
}

#[test]
fn requests_name_the_first_record_the_direction_and_the_end() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1_000), history("b", 1_000)]);
    for number in 0..100_u8 {
        opened.store.append(0, record(1_000 + u64::from(number), [number]));
        opened.store.append(1, record(2_000 + u64::from(number), [number]));
    }
    let from = |id| Ask { from: Some(id), ..Ask::default() };
    assert_eq!(opened.read(0, from(1_098)), [[98], [99]]);
    assert_eq!(opened.read(0, Ask { limit: Some(2), ..from(1_010) }), [[10], [11]]);
    let latest = Ask { limit: Some(2), is_reverse: true, ..Ask::default() };
    assert_eq!(opened.read(0, latest), [[99], [98]]);
    assert_eq!(opened.read(0, from(2_010)), Vec::<Vec<u8>>::new(), "of the other history");
}

#[test]
fn a_long_request_keeps_nobody_waiting() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 100_000), history("b", 10)]);
    for id in 0..50_000 {
        while !opened.store.has_room() {
            std::thread::yield_now();
        }
        opened.store.append(0, record(id, [0; 8]));
    }
    opened.store.append(1, record(0, [1]));
    let long = opened.ask(0, Ask::default());
    let short = opened.ask(1, Ask::default());
    assert_eq!(short.recv_timeout(SOON).expect("an answer"), [[1]]);
    assert!(long.try_recv().is_err(), "the long one is answered first");
    assert_eq!(long.recv_timeout(SOON).expect("an answer").len(), 50_000);
}

#[test]
fn only_so_many_requests_wait() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 10)]);
    // They wait for what the disk has not taken yet.
    for id in 0..4 {
        opened.store.append(0, record(id, vec![0; 16 << 20]));
    }
    let (sender, _answers) = channel();
    let ask = || Box::new(Ask { limit: Some(1), answer: Some(sender.clone()), ..Ask::default() });
    let refused = (0..2_000).filter(|_| opened.store.read(0, ask()).is_err()).count();
    assert!(refused > 0, "all are taken");
}

#[test]
fn a_file_of_the_first_version_is_taken_over() {
    let directory = Directory::new();
    let numbers = redb::TableDefinition::<&str, u32>::new("histories");
    let records = redb::TableDefinition::<(u32, u64), &[u8]>::new("records");
    {
        let database = redb::Database::create(directory.file()).expect("a file");
        let transaction = database.begin_write().expect("a transaction");
        transaction.open_table(numbers).expect("a table").insert("a", 4).expect("a history");
        {
            let mut table = transaction.open_table(records).expect("a table");
            for place in 0..500_u64 {
                let bytes = [[place as u8].as_slice(), &[7; 40_000]].concat();
                table.insert((4, place), bytes.as_slice()).expect("a record");
            }
        }
        transaction.commit().expect("it is stored");
    }
    let opened = open(&directory, &[history("b", 10), history("a", 500)]);
    let all = opened.all(1);
    assert_eq!(all.len(), 500);
    assert!((0..500).all(|place| all[place][0] == place as u8 && all[place].len() == 40_001));
    let last = Ask { from: Some(231), limit: Some(1), ..Ask::default() };
    assert_eq!(opened.read(1, last)[0][0], 231, "they have ids");
    opened.store.append(1, record(5, [5]));
    assert_eq!(opened.all(1).len(), 500);
}

#[test]
fn where_a_directory_is_given_the_file_has_a_name_of_its_own() {
    let directory = Directory::new();
    let path = directory.0.join(".db");
    let opened = try_open(&path, &[history("a", 2)]);
    assert!(opened.is_ok());
    assert!(path.join("events.redb").is_file());
}

#[test]
fn what_is_no_store_is_refused_with_its_path() {
    let directory = Directory::new();
    let path = directory.file();
    std::fs::write(&path, "this is a letter to my aunt, and a rather long one at that").unwrap();
    let Err(refused) = try_open(&path, &[]) else { panic!("a letter is opened") };
    assert!(refused.to_string().contains("events.redb can't be used"), "{refused}");
}

#[test]
fn a_store_that_can_be_opened_or_made_is_not_touched_by_looking() {
    let directory = Directory::new();
    for path in ["new.redb", "deep/below/new.redb", "directory"] {
        assert!(check(&directory.0.join(path)).is_ok(), "{path}");
    }
    let entries = std::fs::read_dir(&directory.0).expect("a directory").count();
    assert_eq!(entries, 0, "nothing was made");
    let opened = open(&directory, &[history("a", 1)]);
    assert!(check(&directory.file()).is_ok(), "although another process has it");
    assert!(check(&directory.0).is_ok(), "a directory holds a file of this name");
    drop(opened);
}

#[test]
fn a_pipe_in_the_place_of_a_store_is_refused_at_once() {
    let directory = Directory::new();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, directory.file(), kind, mode, 0).expect("a pipe");
    assert!(matches!(check(&directory.file()), Err(StoreError::NoStore(_))));
}

#[test]
fn a_store_whose_place_is_taken_is_named() {
    let directory = Directory::new();
    let file = directory.0.join("letter");
    std::fs::write(&file, "this is a letter to my aunt").expect("a file");
    let said = |path: PathBuf| check(&path).expect_err("something else is there").to_string();
    assert!(said(file.clone()).ends_with("letter can't be used: this is another file"));
    assert!(said(file.join("events.redb")).contains("letter can't be made: "));
    std::fs::write(&file, "").expect("a file");
    assert!(check(&file).is_ok(), "an empty file becomes a store");
    for name in ["a\0b".to_owned(), "x".repeat(300), format!("{}.redb", "x".repeat(300))] {
        assert!(check(&directory.0.join(&name)).is_err(), "no file can have the name {name:?}");
    }
}

#[test]
fn a_store_that_is_open_is_not_to_be_moved_away() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1)]);
    let Err(refused) = try_open(&directory.file(), &[]) else { panic!("it is opened twice") };
    let refused = refused.to_string();
    assert!(refused.contains("is open already: is another node running with it?"), "{refused}");
    assert!(!refused.contains("move"), "{refused}");
    drop(opened);
}
