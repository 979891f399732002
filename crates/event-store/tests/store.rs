//! Records in a file: kept in order, bounded, found again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cloverleaf_event_store::{EventStore, History};

const SOON: Duration = Duration::from_secs(30);

/// A directory that is gone when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("event-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn history(name: &str, limit: usize) -> History {
    History { name: name.to_owned(), limit }
}

type Told = Receiver<(u64, Result<(), String>)>;

fn open(directory: &Directory, histories: &[History]) -> (EventStore, Vec<Vec<Vec<u8>>>, Told) {
    let (sender, told) = channel();
    let (store, records) =
        EventStore::open(&directory.0.join("events.redb"), histories, move |number, outcome| {
            let _ = sender.send((number, outcome.map_err(str::to_owned)));
        })
        .expect("the file opens");
    (store, records, told)
}

/// Waits until everything up to the number is safe.
fn wait_for(told: &Told, number: u64) {
    while let Ok((safe, outcome)) = told.recv_timeout(SOON) {
        outcome.expect("it is stored");
        if safe >= number {
            return;
        }
    }
    panic!("record {number} was never said to be safe");
}

#[test]
fn what_was_appended_is_found_again_in_order_by_its_history() {
    let directory = Directory::new();
    let histories = [history("a", 10), history("b", 10)];
    let (store, records, told) = open(&directory, &histories);
    assert_eq!(records, [Vec::<Vec<u8>>::new(), Vec::new()]);
    assert_eq!(store.append(0, b"one".to_vec()), 1);
    assert_eq!(store.append(1, b"other".to_vec()), 2);
    assert_eq!(store.append(0, b"two".to_vec()), 3);
    wait_for(&told, 3);
    drop(store);
    // The numbers belong to the names, not to their places in the list.
    let (store, records, told) = open(&directory, &[history("b", 10), history("a", 10)]);
    assert_eq!(records, [vec![b"other".to_vec()], vec![b"one".to_vec(), b"two".to_vec()]]);
    store.append(1, b"three".to_vec());
    wait_for(&told, 1);
    drop(store);
    let (_, records, _) = open(&directory, &[history("a", 10)]);
    assert_eq!(records, [vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]]);
}

#[test]
fn of_each_history_only_the_latest_are_kept() {
    let directory = Directory::new();
    let (store, _, told) = open(&directory, &[history("a", 3)]);
    for number in 0..10_u8 {
        store.append(0, vec![number]);
    }
    wait_for(&told, 10);
    drop(store);
    let (_, records, _) = open(&directory, &[history("a", 3)]);
    assert_eq!(records, [vec![vec![7], vec![8], vec![9]]]);
    let (_, records, _) = open(&directory, &[history("a", 2)]);
    assert_eq!(records, [vec![vec![8], vec![9]]]);
}

#[test]
fn a_store_that_is_dropped_has_written_everything() {
    let directory = Directory::new();
    let (store, _, _) = open(&directory, &[history("a", 100_000)]);
    for number in 0..5_000_u32 {
        store.append(0, number.to_le_bytes().to_vec());
    }
    drop(store);
    let (_, records, _) = open(&directory, &[history("a", 100_000)]);
    assert_eq!(records[0].len(), 5_000);
    assert_eq!(records[0][4_999], 4_999_u32.to_le_bytes());
}

#[test]
fn a_store_that_can_not_keep_up_says_that_it_has_no_room() {
    let directory = Directory::new();
    let (store, _, _) = open(&directory, &[history("a", 2)]);
    assert!(store.has_room());
    // A disk is slower than that.
    for _ in 0..40 {
        store.append(0, vec![0; 16 * 1024 * 1024]);
        if !store.has_room() {
            return;
        }
    }
    panic!("there is room for everything");
}

#[test]
fn where_a_directory_is_given_the_file_has_a_name_of_its_own() {
    let directory = Directory::new();
    let path = directory.0.join(".db");
    let opened = EventStore::open(&path, &[history("a", 2)], |_, _| {});
    assert!(opened.is_ok());
    assert!(path.join("events.redb").is_file());
}

#[test]
fn what_is_no_store_is_refused_with_its_path() {
    let directory = Directory::new();
    let path = directory.0.join("events.redb");
    std::fs::write(&path, "this is a letter to my aunt, and a rather long one at that").unwrap();
    let refused = EventStore::open(&path, &[], |_, _| {}).expect_err("no store");
    assert!(refused.to_string().contains("events.redb can't be used"), "{refused}");
}
