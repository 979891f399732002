//! All ways to read UBJSON agree on any bytes, and so do those to read BJData.
#![no_main]

use cloverleaf_fuzz::assert_all_ways_agree;
use cloverleaf_wamp::codec::ubjson::{BjDataReader, UbJsonReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert_all_ways_agree::<UbJsonReader<'_>>(data);
    assert_all_ways_agree::<BjDataReader<'_>>(data);
});
