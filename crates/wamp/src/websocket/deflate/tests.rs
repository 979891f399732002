//! Negotiation, the examples of RFC 7692, hostile data, and round trips with every setting.

mod messages;
mod offers;
mod reach;
