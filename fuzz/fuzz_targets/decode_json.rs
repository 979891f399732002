//! All ways to read JSON agree on any bytes.
#![no_main]

use cloverleaf_fuzz::assert_all_ways_agree;
use cloverleaf_wamp::codec::json::JsonReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| assert_all_ways_agree::<JsonReader<'_>>(data));
