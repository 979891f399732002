//! All ways to read CBOR agree on any bytes.
#![no_main]

use cloverleaf_fuzz::assert_all_ways_agree;
use cloverleaf_wamp::codec::cbor::CborReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| assert_all_ways_agree::<CborReader<'_>>(data));
