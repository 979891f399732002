//! Damaged files: lost records are reported, all others are read.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Directory, Incident, OpenedStore, TestRequest, history, open, record, try_open};

const PAGE: usize = 4_096;

/// The first byte of pages of redb's trees.
const LEAF: u8 = 1;
const BRANCH: u8 = 2;

/// Text of each record of these tests.
const MARK: &str = "a stored record";

/// Flips a bit of each of these texts in the file of a store. Returns the number of texts found.
fn flip(file: &Path, texts: &[&str]) -> usize {
    let mut bytes = std::fs::read(file).expect("the file");
    let mut flipped = 0;
    for text in texts {
        let places: BTreeSet<usize> = bytes
            .windows(text.len())
            .enumerate()
            .filter(|(_, window)| *window == text.as_bytes())
            .map(|(place, _)| place)
            .collect();
        flipped += usize::from(!places.is_empty());
        places.iter().for_each(|place| bytes[place + 3] ^= 4);
    }
    std::fs::write(file, bytes).expect("the file");
    flipped
}

#[test]
fn damaged_records_are_reported_once_and_skipped() {
    let directory = Directory::new();
    let histories = [history("a", 1_000), history("b", 1_000)];
    let opened = open(&directory, &histories);
    for number in 0..500_u64 {
        let bytes = format!("record {number:04} of history");
        opened.store.append(usize::from(number % 2 == 1), record(number, bytes));
    }
    drop(opened);
    assert_eq!(flip(&directory.file(), &["record 0100 of", "record 0101 of", "record 0400 of"]), 3);
    let opened = open(&directory, &histories);
    let [a, b] = ["a", "b"].map(str::to_owned);
    assert_eq!(
        opened.checked(),
        [
            Incident::Damaged(a.clone(), 50),
            Incident::Damaged(a, 200),
            Incident::Damaged(b, 50),
            Incident::Checked { records: 497, damaged: 3, missing: 0 },
        ]
    );
    assert_eq!((opened.all(0).len(), opened.all(1).len()), (248, 249));
    assert!(opened.incidents.try_recv().is_err(), "each is reported once");
}

const HISTORIES: [&str; 2] = ["a", "b"];

/// Fills the histories `a` and `b` in turn with records of different lengths, and closes the file.
fn fill(directory: &Directory, count: u64) {
    let opened = open(directory, &HISTORIES.map(|name| history(name, 10_000)));
    for number in 0..count {
        let bytes = format!("{MARK} {number:06}{}", "-".repeat((number * 37 % 300) as usize));
        opened.store.append((number % 2) as usize, record(number, bytes));
    }
}

/// The offsets of the pages that hold records or lead to them.
fn pages(file: &[u8]) -> Vec<usize> {
    let is_of_records = |page: &usize| {
        let bytes = &file[*page..*page + PAGE];
        let has_records = bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes());
        bytes[0] == BRANCH || (bytes[0] == LEAF && has_records)
    };
    (PAGE..file.len() - PAGE).step_by(PAGE).filter(is_of_records).collect()
}

/// Writes a changed file of a store.
fn write(directory: &Directory, whole: &[u8], change: impl FnOnce(&mut [u8])) {
    let mut file = whole.to_vec();
    change(&mut file);
    std::fs::write(directory.file(), file).expect("the file");
}

/// Waits for the reports of the check and returns the number of intact records; `None` if the
/// report is that the database can't read the file.
fn intact_of(opened: &OpenedStore, total: u64) -> Option<u64> {
    let incidents = opened.checked();
    let Some(Incident::Checked { records, damaged, missing }) = incidents.last() else {
        panic!("the file is checked")
    };
    let context = format!("{incidents:?}");
    assert_eq!(records + damaged + missing, total, "{context}");
    if incidents.iter().any(|incident| matches!(incident, Incident::Other(_))) {
        return None;
    }
    let is_loss =
        |incident: &Incident| matches!(incident, Incident::Damaged(..) | Incident::Missing(..));
    assert_eq!(incidents.iter().any(is_loss), *records < total, "{context}");
    Some(*records)
}

/// Pseudo-random numbers, equal in every run.
fn numbers() -> impl Iterator<Item = usize> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    })
}

#[test]
fn a_flipped_bit_loses_few_records_and_none_silently() {
    const RECORDS: u64 = 1_200;
    // FLIPPED_BITS=3000 takes half a minute; the figures are printed with `--no-capture`.
    let trials = std::env::var("FLIPPED_BITS").map_or(60, |bits| bits.parse().expect("a number"));
    let directory = Directory::new();
    fill(&directory, RECORDS);
    let whole = std::fs::read(directory.file()).expect("the file");
    let pages = pages(&whole);
    assert!(pages.len() > 20, "{} pages", pages.len());
    let mut numbers = numbers();
    let mut number = |below: usize| numbers.next().expect("another number") % below;
    let (mut lost, mut refused) = (Vec::new(), 0);
    for trial in 0..trials {
        // Every other bit is in the header of a page, which has the offsets of its entries.
        let within = number(if trial % 2 == 0 { 24 } else { PAGE });
        let (page, bit) = (pages[number(pages.len())], number(8));
        write(&directory, &whole, |file| file[page + within] ^= 1 << bit);
        let opened = try_open(&directory.file(), &HISTORIES.map(|name| history(name, 10_000)));
        let checked = opened.ok().and_then(|opened| {
            let intact = intact_of(&opened, RECORDS)?;
            Some((opened, intact))
        });
        let Some((opened, intact)) = checked else {
            refused += 1;
            continue;
        };
        let found = [0, 1].map(|history| opened.all(history).len() as u64);
        let newest_first = [0, 1].map(|history| {
            opened.read(history, TestRequest { is_reverse: true, ..TestRequest::default() }).len()
                as u64
        });
        for (found, newest_first) in found.into_iter().zip(newest_first) {
            // In reverse order, a record in a damaged page may be unreachable.
            assert!(found.abs_diff(newest_first) <= 5, "page {page}, byte {within}, bit {bit}");
        }
        assert_eq!(found.iter().sum::<u64>(), intact, "page {page}, byte {within}, bit {bit}");
        lost.push(RECORDS - intact);
    }
    lost.sort_unstable();
    assert!(lost[lost.len() / 2] <= 30, "{lost:?}");
    eprintln!(
        "{refused} of {trials} files can't be used; the others lost {} records in the median, {} at \
         most",
        lost[lost.len() / 2],
        lost[lost.len() - 1]
    );
    assert!(refused <= trials / 20, "{refused} files can't be used");
}

/// The texts of records without the dashes behind them.
fn names(records: &[Vec<u8>]) -> Vec<String> {
    let name = |record: &Vec<u8>| String::from_utf8_lossy(record).trim_end_matches('-').to_owned();
    records.iter().map(name).collect()
}

#[test]
fn a_damaged_key_neither_removes_intact_records_nor_hides_new_ones() {
    const RECORDS: u64 = 600;
    let directory = Directory::new();
    fill(&directory, RECORDS);
    let whole = std::fs::read(directory.file()).expect("the file");
    // The key of the newest record of history `a`: its number and its place.
    let mut key = 0_u32.to_le_bytes().to_vec();
    key.extend((RECORDS / 2 - 1).to_le_bytes());
    for bit in [0, 5, 9, 20, 40] {
        write(&directory, &whole, |file| {
            let starts = pages(file).into_iter().flat_map(|page| page..page + PAGE - key.len());
            let places: Vec<_> = starts.filter(|at| file[*at..].starts_with(&key)).collect();
            assert!(!places.is_empty(), "there is a key");
            places.into_iter().for_each(|at| file[at + 4 + bit / 8] ^= 1 << (bit % 8));
        });
        let opened = open(&directory, &HISTORIES.map(|name| history(name, 10_000)));
        assert_eq!(intact_of(&opened, RECORDS), Some(RECORDS - 1), "bit {bit}");
        let mut last = 0;
        for new in 0..3 {
            last = opened.store.append(0, record(10_000 + new, format!("new {new}")));
        }
        opened.wait_for(last);
        let found = names(&opened.all(0));
        assert_eq!(found.len() as u64, RECORDS / 2 - 1 + 3, "bit {bit}");
        assert_eq!(&found[found.len() - 3..], ["new 0", "new 1", "new 2"], "bit {bit}");
    }
}

#[test]
fn damaged_pages_do_not_stop_the_removal_of_old_records() {
    const KEPT: u64 = 300;
    let directory = Directory::new();
    fill(&directory, 2 * KEPT);
    let whole = std::fs::read(directory.file()).expect("the file");
    write(&directory, &whole, |file| {
        let leaves: Vec<_> = pages(file).into_iter().filter(|page| file[*page] == LEAF).collect();
        for page in leaves.iter().step_by(4).take(8) {
            file[*page..page + PAGE].fill(0);
        }
    });
    let opened = open(&directory, &HISTORIES.map(|name| history(name, KEPT)));
    let intact = intact_of(&opened, 2 * KEPT).expect("the file can be used");
    assert!(intact < 2 * KEPT - 8, "{intact} are intact");
    // As many new records as are kept, so that all older ones are removed or skipped.
    let mut last = 0;
    for number in 0..2 * KEPT {
        last = opened
            .store
            .append((number % 2) as usize, record(10_000 + number, format!("{number}")));
    }
    opened.wait_for(last);
    for history in [0, 1] {
        let found = names(&opened.all(history));
        let expected: Vec<_> =
            (0..KEPT).map(|number| (2 * number + history as u64).to_string()).collect();
        assert_eq!(found, expected);
    }
}
