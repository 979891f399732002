//! A store keeps records in order and within limits, and reads them again.

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

/// A directory that is removed at the end of the test.
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
enum Incident {
    Stored(u64),
    Damaged(String, u64),
    Missing(String, u64, u64),
    Checked { records: u64, damaged: u64, missing: u64 },
    Other(String),
}

struct IncidentSender(Sender<Incident>);

impl StoreObserver for IncidentSender {
    fn stored(&self, up_to: u64, outcome: WriteOutcome<'_>) {
        outcome.expect("the transaction is committed");
        let _ = self.0.send(Incident::Stored(up_to));
    }

    fn report(&self, report: StoreReport<'_>) {
        let _ = self.0.send(match report {
            StoreReport::Damaged { history, place } => Incident::Damaged(history.to_owned(), place),
            StoreReport::Missing { history, place, count } => {
                Incident::Missing(history.to_owned(), place, count)
            }
            StoreReport::Checked { records, damaged, missing } => {
                Incident::Checked { records, damaged, missing }
            }
            other => Incident::Other(format!("{other:?}")),
        });
    }
}

/// A store and its incidents.
struct OpenedStore {
    store: RecordStore,
    incidents: Receiver<Incident>,
}

fn try_open(path: &Path, histories: &[HistoryLimits]) -> Result<OpenedStore, StoreError> {
    let (sender, incidents) = channel();
    let id_of = |bytes: &[u8]| bytes.first().copied().map(u64::from);
    let store = RecordStore::open(path, histories, CACHE, id_of, IncidentSender(sender))?;
    Ok(OpenedStore { store, incidents })
}

fn open(directory: &Directory, histories: &[HistoryLimits]) -> OpenedStore {
    try_open(&directory.file(), histories).expect("the file opens")
}

/// A request for records that collects them.
#[derive(Default)]
struct TestRequest {
    from: Option<u64>,
    limit: Option<usize>,
    is_reverse: bool,
    found: Vec<Vec<u8>>,
    answer: Option<Sender<Vec<Vec<u8>>>>,
}

impl ReadRequest for TestRequest {
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
        let answer = self.answer.take().expect("the answer's sender");
        if outcome.is_ok() {
            let _ = answer.send(self.found);
        }
    }
}

impl OpenedStore {
    /// Waits until all records up to the number are written.
    fn wait_for(&self, number: u64) {
        loop {
            match self.incidents.recv_timeout(SOON).expect("the record is written") {
                Incident::Stored(stored) if stored >= number => return,
                _ => {}
            }
        }
    }

    /// All incidents until the file was checked.
    fn checked(&self) -> Vec<Incident> {
        let mut incidents = Vec::new();
        while !matches!(incidents.last(), Some(Incident::Checked { .. })) {
            incidents.push(self.incidents.recv_timeout(SOON).expect("the file is checked"));
        }
        incidents
    }

    fn ask(&self, history: usize, ask: TestRequest) -> Receiver<Vec<Vec<u8>>> {
        let (sender, answer) = channel();
        let ask = TestRequest { answer: Some(sender), ..ask };
        assert!(self.store.read(history, Box::new(ask)).is_ok(), "too many wait");
        answer
    }

    fn read(&self, history: usize, ask: TestRequest) -> Vec<Vec<u8>> {
        self.ask(history, ask).recv_timeout(SOON).expect("an answer")
    }

    fn all(&self, history: usize) -> Vec<Vec<u8>> {
        self.read(history, TestRequest::default())
    }
}

#[test]
fn records_are_read_in_order_by_their_history_after_a_restart() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 10), history("b", 10)]);
    assert_eq!(opened.store.append(0, record(1, "one")), 1);
    assert_eq!(opened.store.append(1, record(2, "other")), 2);
    assert_eq!(opened.store.append(0, record(3, "two")), 3);
    opened.wait_for(3);
    drop(opened);
    // A number belongs to a name, not to an index of the list.
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
fn a_request_finds_all_records_that_were_appended_before() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1_000)]);
    for id in 0..100 {
        opened.store.append(0, record(id, id.to_le_bytes()));
        let latest = TestRequest { is_reverse: true, limit: Some(1), ..TestRequest::default() };
        assert_eq!(opened.read(0, latest), [id.to_le_bytes().to_vec()]);
    }
}

#[test]
fn a_history_keeps_only_its_latest_records() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 3)]);
    for number in 0..10_u8 {
        opened.store.append(0, record(number.into(), [number]));
    }
    assert_eq!(opened.all(0), [[7], [8], [9]]);
    drop(opened);
    // A lower limit applies from the next record on.
    let opened = open(&directory, &[history("a", 2)]);
    opened.store.append(0, record(10, [10]));
    assert_eq!(opened.all(0), [[9], [10]]);
}

#[test]
fn a_history_has_limited_bytes_but_keeps_its_newest_record() {
    let directory = Directory::new();
    let limited = HistoryLimits { max_bytes: 5_000, ..history("a", 1_000) };
    let opened = open(&directory, std::slice::from_ref(&limited));
    for number in 0..20_u8 {
        opened.store.append(0, record(number.into(), vec![number; 1_000]));
    }
    let firsts = |records: Vec<Vec<u8>>| records.iter().map(|bytes| bytes[0]).collect::<Vec<_>>();
    assert_eq!(firsts(opened.all(0)), [16, 17, 18, 19]);
    drop(opened);
    // The bytes are known after a restart, too.
    let opened = open(&directory, &[limited]);
    opened.store.append(0, record(20, vec![20; 1_000]));
    assert_eq!(firsts(opened.all(0)), [17, 18, 19, 20]);
    opened.store.append(0, record(21, vec![21; 10_000]));
    assert_eq!(firsts(opened.all(0)), [21]);
}

#[test]
fn a_lowered_limit_is_reached_over_several_transactions() {
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
fn dropping_a_store_writes_all_records() {
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
fn a_store_has_no_room_while_the_disk_is_too_slow() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 2)]);
    assert!(opened.store.has_room());
    // A disk is slower than these appends.
    for id in 0..40 {
        opened.store.append(0, record(id, vec![0; 16 * 1024 * 1024]));
        if !opened.store.has_room() {
            return;
        }
    }
    panic!("the store always has room");
}

#[test]
fn requests_choose_the_first_record_the_direction_and_the_end() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1_000), history("b", 1_000)]);
    for number in 0..100_u8 {
        opened.store.append(0, record(1_000 + u64::from(number), [number]));
        opened.store.append(1, record(2_000 + u64::from(number), [number]));
    }
    let from = |id| TestRequest { from: Some(id), ..TestRequest::default() };
    assert_eq!(opened.read(0, from(1_098)), [[98], [99]]);
    assert_eq!(opened.read(0, TestRequest { limit: Some(2), ..from(1_010) }), [[10], [11]]);
    let latest = TestRequest { limit: Some(2), is_reverse: true, ..TestRequest::default() };
    assert_eq!(opened.read(0, latest), [[99], [98]]);
    assert_eq!(
        opened.read(0, from(2_010)),
        Vec::<Vec<u8>>::new(),
        "the id belongs to the other history"
    );
}

#[test]
fn a_long_request_does_not_delay_a_short_one() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 100_000), history("b", 10)]);
    for id in 0..50_000 {
        while !opened.store.has_room() {
            std::thread::yield_now();
        }
        opened.store.append(0, record(id, [0; 8]));
    }
    opened.store.append(1, record(0, [1]));
    let long = opened.ask(0, TestRequest::default());
    let short = opened.ask(1, TestRequest::default());
    assert_eq!(short.recv_timeout(SOON).expect("an answer"), [[1]]);
    assert!(long.try_recv().is_err(), "the long request is answered first");
    assert_eq!(long.recv_timeout(SOON).expect("an answer").len(), 50_000);
}

#[test]
fn waiting_requests_are_limited() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 10)]);
    // The requests wait for records that are not on the disk yet.
    for id in 0..4 {
        opened.store.append(0, record(id, vec![0; 16 << 20]));
    }
    let (sender, _answers) = channel();
    let ask = || {
        Box::new(TestRequest {
            limit: Some(1),
            answer: Some(sender.clone()),
            ..TestRequest::default()
        })
    };
    let refused = (0..2_000).filter(|_| opened.store.read(0, ask()).is_err()).count();
    assert!(refused > 0, "no request is refused");
}

#[test]
fn a_file_of_the_first_version_is_converted() {
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
        transaction.commit().expect("the transaction is committed");
    }
    let opened = open(&directory, &[history("b", 10), history("a", 500)]);
    let all = opened.all(1);
    assert_eq!(all.len(), 500);
    assert!((0..500).all(|place| all[place][0] == place as u8 && all[place].len() == 40_001));
    let last = TestRequest { from: Some(231), limit: Some(1), ..TestRequest::default() };
    assert_eq!(opened.read(1, last)[0][0], 231, "converted records have ids");
    opened.store.append(1, record(5, [5]));
    assert_eq!(opened.all(1).len(), 500);
}

#[test]
fn a_directory_as_path_gets_a_file_with_a_default_name() {
    let directory = Directory::new();
    let path = directory.0.join(".db");
    let opened = try_open(&path, &[history("a", 2)]);
    assert!(opened.is_ok());
    assert!(path.join("events.redb").is_file());
}

#[test]
fn a_file_that_is_no_store_is_refused_with_its_path() {
    let directory = Directory::new();
    let path = directory.file();
    std::fs::write(&path, "this is a plain text file that is longer than a header").unwrap();
    let Err(refused) = try_open(&path, &[]) else { panic!("a text file is opened") };
    assert!(refused.to_string().contains("events.redb can't be used"), "{refused}");
}

#[test]
fn checking_a_path_creates_and_changes_nothing() {
    let directory = Directory::new();
    for path in ["new.redb", "deep/below/new.redb", "directory"] {
        assert!(check(&directory.0.join(path)).is_ok(), "{path}");
    }
    let entries = std::fs::read_dir(&directory.0).expect("a directory").count();
    assert_eq!(entries, 0, "nothing was made");
    let opened = open(&directory, &[history("a", 1)]);
    assert!(check(&directory.file()).is_ok(), "an open file can be checked");
    assert!(check(&directory.0).is_ok(), "a directory can be checked");
    drop(opened);
}

#[test]
fn a_named_pipe_is_refused_without_waiting() {
    let directory = Directory::new();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, directory.file(), kind, mode, 0).expect("a pipe");
    assert!(matches!(check(&directory.file()), Err(StoreError::NoStore(_))));
}

#[test]
fn a_path_that_something_else_has_is_named() {
    let directory = Directory::new();
    let file = directory.0.join("text");
    std::fs::write(&file, "this is a plain text file").expect("a file");
    let fault = |path: PathBuf| check(&path).expect_err("no store").to_string();
    assert!(fault(file.clone()).ends_with("text can't be used: this is another file"));
    assert!(fault(file.join("events.redb")).contains("text can't be made: "));
    std::fs::write(&file, "").expect("a file");
    assert!(check(&file).is_ok(), "an empty file becomes a store");
    for name in ["a\0b".to_owned(), "x".repeat(300), format!("{}.redb", "x".repeat(300))] {
        assert!(check(&directory.0.join(&name)).is_err(), "no file can have the name {name:?}");
    }
}

#[test]
fn a_store_that_is_open_elsewhere_is_refused_without_advice_to_move_it() {
    let directory = Directory::new();
    let opened = open(&directory, &[history("a", 1)]);
    let Err(refused) = try_open(&directory.file(), &[]) else {
        panic!("the store is opened twice")
    };
    let refused = refused.to_string();
    assert!(refused.contains("is open already: is another node running with it?"), "{refused}");
    assert!(!refused.contains("move"), "{refused}");
    drop(opened);
}
