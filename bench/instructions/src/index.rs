//! Look-ups of the entry for a call: their cost by the number of entries, and by the number of
//! components of the URI.
//!
//! ```text
//! com.c1.c2.0000042.last     the URI of entry 42 with five components, and its exact pattern
//! com.c1.c2.0000042.         its prefix
//! com..c2.0000042.last       its wildcard
//! ```

use std::hint::black_box;
use std::mem;

use cloverleaf_router::uri_index::UriIndex;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use super::{Cases, measure};

/// Numbers of entries of an index.
const SIZES: [usize; 3] = [10, 10_000, 1_000_000];

/// Components of the URIs in cases with different numbers of entries.
const DEPTH: usize = 5;

/// Numbers of components of the URIs.
const DEPTHS: [usize; 3] = [4, 8, 16];

/// Number of URIs in cases with different numbers of components.
const URIS: usize = 10_000;

pub(super) fn add(cases: &mut Cases) {
    for policy in MatchPolicy::ALL {
        for size in SIZES {
            let run = move |rounds| by_size(policy, size, rounds);
            cases.insert(format!("index/{}/{size}", policy.name()), Box::new(run));
        }
    }
    for depth in DEPTHS {
        let run = move |rounds| prefix_by_depth(depth, rounds);
        cases.insert(format!("index/prefix-depth/{depth}"), Box::new(run));
        let run = move |rounds| wildcard_by_depth(depth, rounds);
        cases.insert(format!("index/wildcard-depth/{depth}"), Box::new(run));
    }
}

/// The URI of an entry.
fn uri(number: usize, depth: usize) -> String {
    let middle: String = (1..depth - 2).map(|place| format!(".c{place}")).collect();
    format!("com{middle}.{number:07}.last")
}

fn pattern(text: String, policy: MatchPolicy) -> UriPattern {
    UriPattern::new(text, policy, UriRule::Loose).expect("a pattern")
}

/// The first `components` of a URI, as the prefix of everything below them.
fn prefix(uri: &str, components: usize) -> UriPattern {
    let mut text: String = uri.split('.').take(components).collect::<Vec<_>>().join(".");
    text.push('.');
    pattern(text, MatchPolicy::Prefix)
}

/// A wildcard URI with any second component.
fn wildcard(uri: &str) -> UriPattern {
    pattern(uri.replacen(".c1", ".", 1), MatchPolicy::Wildcard)
}

/// One pattern for each URI.
fn by_size(policy: MatchPolicy, size: usize, rounds: usize) {
    let mut index = UriIndex::default();
    for number in 0..size {
        let uri = uri(number, DEPTH);
        let pattern = match policy {
            MatchPolicy::Exact => pattern(uri, policy),
            MatchPolicy::Prefix => prefix(&uri, DEPTH - 1),
            MatchPolicy::Wildcard => wildcard(&uri),
        };
        index.insert(&pattern, number);
    }
    look_up(index, size, DEPTH, rounds);
}

/// Each prefix has one component more than the one before, up to the last but one. The walk along
/// the URI passes all of them.
fn prefix_by_depth(depth: usize, rounds: usize) {
    let mut index = UriIndex::default();
    for number in 0..URIS {
        let uri = uri(number, depth);
        for components in 1..depth {
            index.insert(&prefix(&uri, components), number);
        }
    }
    look_up(index, URIS, depth, rounds);
}

fn wildcard_by_depth(depth: usize, rounds: usize) {
    let mut index = UriIndex::default();
    for number in 0..URIS {
        index.insert(&wildcard(&uri(number, depth)), number);
    }
    look_up(index, URIS, depth, rounds);
}

/// Looks up URIs from all over the index.
fn look_up(index: UriIndex<usize>, size: usize, depth: usize, rounds: usize) {
    /// Coprime to the sizes, so that all entries are looked up before one repeats.
    const STEP: usize = 7_919;
    let number = |round: usize| round * STEP % size;
    let uris: Vec<_> = (0..rounds).map(|round| uri(number(round), depth)).collect();
    let mut sum = 0;
    measure(uris.iter().collect(), |uri| {
        sum += index.best_match(uri).copied().unwrap_or(size);
        black_box(sum);
    });
    assert_eq!(sum, (0..rounds).map(number).sum::<usize>());
    // Dropping a large index would take callgrind half as long as building it.
    mem::forget(index);
}
