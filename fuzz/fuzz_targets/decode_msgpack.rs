//! All ways to read MessagePack agree on any bytes.
#![no_main]

use cloverleaf_fuzz::assert_all_ways_agree;
use cloverleaf_wamp::codec::msgpack::MsgPackReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| assert_all_ways_agree::<MsgPackReader<'_>>(data));
