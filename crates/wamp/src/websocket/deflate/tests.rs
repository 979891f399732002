//! Offers and answers, the examples of RFC 7692, hostile data, and every setting round and back.

mod messages;
mod offers;
mod reach;
