//! A stored event as bytes, for a store that outlives the realm.
//!
//! ```text
//! micros|i64  serializer|u8  event length|u32  EVENT  PUBLISH
//! ```
//! All numbers are little-endian. EVENT is the message as sent to subscribers, in the format in
//! which it was published. PUBLISH is in JSON and holds the topic and the receivers.

use std::sync::Arc;

use bytes::Bytes;
use cloverleaf_wamp::ids::{PublicationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::wire::{WireMessage as _, decode_client, decode_router};
use cloverleaf_wamp::message::{ClientMessage, Event, Publish, RouterMessage, SharedEvent};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

use super::eligibility::{Eligibility, lists};
use super::history::StoredEvent;
use super::publication::Publication;
use crate::wall_clock::Timestamp;

const HEAD: usize = 8 + 1 + 4;

/// Encodes the event of a publication.
pub(super) fn write(publication: &Publication, event: SharedEvent) -> Vec<u8> {
    let serializer = event.payload.serializer().unwrap_or(Serializer::Json);
    let mut record = Vec::with_capacity(HEAD + 128 + event.payload.size());
    record.extend_from_slice(&publication.at.to_millis().micros().to_le_bytes());
    record.push(serializer.stored_number());
    let length_at = record.len();
    record.extend_from_slice(&[0; 4]);
    // The payload is in this format already, so the event can be encoded.
    let _ = RouterMessage::Event(event).encode(serializer, &mut record);
    let length = u32::try_from(record.len() - HEAD).unwrap_or(u32::MAX);
    record[length_at..HEAD].copy_from_slice(&length.to_le_bytes());
    if let Some(request) = RequestId::new(1) {
        let options = lists(&publication.publish.options).unwrap_or_default();
        let topic = publication.publish.topic.clone();
        let publish = Publish { request, options, topic, payload: Payload::EMPTY };
        let _ = ClientMessage::Publish(publish).encode(Serializer::Json, &mut record);
    }
    record
}

/// The publication id of a record; `None` if the bytes are not a record.
pub fn publication_of(record: &[u8]) -> Option<PublicationId> {
    let subscription = SubscriptionId::new(1)?;
    read(record, subscription).map(|stored| stored.event.publication)
}

/// Decodes a record as an event of `subscription`; `None` if the bytes are not a record.
pub(super) fn read(record: &[u8], subscription: SubscriptionId) -> Option<StoredEvent> {
    let (head, rest) = record.split_at_checked(HEAD)?;
    let (micros, head) = head.split_first_chunk::<8>()?;
    let (serializer, length) = head.split_first()?;
    let serializer = Serializer::from_stored_number(*serializer)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let (event, publish) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let event = decode_router(serializer, &Bytes::copy_from_slice(event)).ok()?;
    let publish = decode_client(Serializer::Json, &Bytes::copy_from_slice(publish)).ok()?;
    let (RouterMessage::Event(event), ClientMessage::Publish(publish)) = (event, publish) else {
        return None;
    };
    let event = Event {
        subscription,
        publication: event.publication,
        details: event.details.clone(),
        payload: event.payload.clone(),
    };
    Some(StoredEvent {
        at: Timestamp::from_micros(i64::from_le_bytes(*micros)),
        topic: publish.topic.as_str().into(),
        event: Arc::new(event),
        eligibility: Eligibility::new(&publish.options, None),
    })
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::ids::{PublicationId, SessionId};
    use cloverleaf_wamp::message::{EventDetails, PublishOptions};

    use super::*;
    use crate::broker::publication::NewPublication;
    use crate::session::SessionKey;

    #[test]
    fn an_event_is_read_as_it_was_written_in_every_format() {
        let subscription = SubscriptionId::new(300).unwrap();
        for serializer in Serializer::ALL {
            let payload = Payload::from_args(serializer, &(1.5, -300, 70_000)).unwrap();
            let event = SharedEvent::new(Event {
                subscription,
                publication: PublicationId::new(1 << 40).unwrap(),
                details: Box::new(EventDetails { trustlevel: Some(7), ..EventDetails::default() }),
                payload: payload.clone(),
            });
            let options = Box::new(PublishOptions {
                eligible_authid: Some(vec!["ann".into()]),
                ..PublishOptions::default()
            });
            let request = RequestId::new(1).unwrap();
            let publication = Publication::new(NewPublication {
                id: event.publication,
                source: SessionKey::of_tests(SessionId::new(1).unwrap()),
                publisher: None,
                publish: Publish { request, options, topic: "com.a".into(), payload },
                disclosed: false,
                trustlevel: None,
                now: crate::Moment::default(),
                at: Timestamp::from_micros(7_000),
            });
            let read = read(&write(&publication, event.clone()), subscription).unwrap();
            assert_eq!((read.at, read.topic), (publication.at, "com.a".into()));
            assert_eq!(*read.event, *event);
            assert!(read.eligibility.has_lists_of(&publication.eligibility));
        }
    }
}
