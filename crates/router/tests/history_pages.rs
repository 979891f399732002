//! The size of histories and of answers.
//!
//! Spec: advanced profile "Event History" (a list that is too large for one result).

use cloverleaf_router::limits::{DEFAULT_HISTORY_BYTES, MAX_HISTORY_ANSWER_BYTES};
use cloverleaf_router::{HistorySettings, RealmSettings};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{args, args_and_kwargs, client};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::{Value, json};

const GET_EVENTS: &str = "wamp.subscription.get_events";

/// A realm with a history of `com.log`, and its reader.
struct Archive {
    lab: Lab,
    reader: Peer,
}

/// The events of one answer, and its keyword results.
struct Page {
    events: Vec<Value>,
    keyword: Option<Value>,
}

impl Page {
    /// The first letter of each event.
    fn letters(&self) -> String {
        let letter = |event: &Value| event["args"][0].as_str().and_then(|text| text.chars().next());
        self.events.iter().filter_map(letter).collect()
    }
}

impl Archive {
    /// With events of `bytes` bytes, one for each letter.
    fn of(bytes: usize, letters: &str) -> Self {
        let pattern = UriPattern::new("com.log", MatchPolicy::Exact, UriRule::Loose).unwrap();
        let histories = vec![HistorySettings::new(pattern, 1_000_000)];
        let mut lab = Lab::with(RealmSettings { histories, ..settings() });
        let reader = lab.join("reader");
        for letter in letters.chars() {
            let text = letter.to_string().repeat(bytes);
            lab.send(reader, client::publish(1, "com.log", args([text])));
        }
        Self { lab, reader }
    }

    #[expect(clippy::needless_pass_by_value, reason = "json! is written in the place")]
    fn page(&mut self, keyword: Value) -> Page {
        self.lab.send(self.reader, client::call(1, GET_EVENTS, args_and_kwargs([1], &keyword)));
        let received = self.lab.received(self.reader);
        let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
        Page {
            events: result.payload.decode_args().unwrap(),
            keyword: result.payload.kwargs().map(|entries| entries.to_value().unwrap()),
        }
    }

    /// All pages, until no more are announced.
    fn pages(&mut self, reverse: bool) -> Vec<String> {
        let (mut letters, mut keyword) = (Vec::new(), json!({"reverse": reverse}));
        loop {
            let page = self.page(keyword);
            letters.push(page.letters());
            if page.keyword.is_none() {
                return letters;
            }
            assert_eq!(page.keyword, Some(json!({"more": true})));
            let last = &page.events.last().unwrap()["publication"];
            let place = if reverse { "before_publication" } else { "after_publication" };
            keyword = json!({"reverse": reverse, place: last});
        }
    }
}

#[test]
fn answer_without_a_limit_has_as_many_events_as_fit() {
    let mut archive = Archive::of(MAX_HISTORY_ANSWER_BYTES / 3, "abcde");
    assert_eq!(archive.pages(false), ["ab", "cd", "e"]);
    assert_eq!(archive.pages(true), ["ed", "cb", "a"]);
}

#[test]
fn event_larger_than_an_answer_is_returned_alone() {
    let mut archive = Archive::of(MAX_HISTORY_ANSWER_BYTES, "ab");
    assert_eq!(archive.pages(false), ["a", "b"]);
}

#[test]
fn query_with_a_limit_returns_that_many_events_or_none() {
    let mut archive = Archive::of(MAX_HISTORY_ANSWER_BYTES / 3, "abcde");
    let page = archive.page(json!({"limit": 2}));
    assert_eq!((page.letters().as_str(), page.keyword), ("ab", None));
    let Archive { lab, reader } = &mut archive;
    let latest = lab.ask(*reader, GET_EVENTS, json!([1, 2])).unwrap();
    assert_eq!(latest[0].as_array().unwrap().len(), 2);
    let text = "so many events hold more than 8388608 bytes; ask for fewer at once";
    let too_many = refusal(error_uri::PAYLOAD_SIZE_EXCEEDED, text);
    assert_eq!(lab.ask(*reader, GET_EVENTS, json!([1, 3])), too_many);
    assert_eq!(lab.ask_with(*reader, GET_EVENTS, json!([1]), json!({"limit": 3})), too_many);
}

#[test]
fn more_is_encoded_in_the_format_of_the_caller() {
    let Archive { mut lab, reader } = Archive::of(MAX_HISTORY_ANSWER_BYTES, "ab");
    for serializer in Serializer::ALL {
        let asked = Payload::from_args(serializer, &[1]).unwrap();
        lab.send(reader, client::call(2, GET_EVENTS, asked));
        let received = lab.received(reader);
        let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
        let more = result.payload.kwargs().unwrap();
        assert_eq!(more.serializer(), serializer);
        assert_eq!(more.to_value::<Value>().unwrap(), json!({"more": true}));
    }
}

#[test]
fn bytes_of_a_history_are_limited() {
    let mut archive = Archive::of(DEFAULT_HISTORY_BYTES / 4, "abcde");
    assert_eq!(archive.pages(false), ["c", "d", "e"]);
}
