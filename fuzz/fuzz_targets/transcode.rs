//! Readable values can be transcoded, and the result survives a round trip.
#![no_main]

use cloverleaf_fuzz::take_serializer;
use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::serializer::Serializer;
use libfuzzer_sys::fuzz_target;

fn transcoded(from: Serializer, value: &[u8], to: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    transcode(from, value, to, &mut out).expect("what was written can be read");
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((from, data)) = take_serializer(data) else { return };
    let Some((to, value)) = take_serializer(data) else { return };
    let mut there = Vec::new();
    if transcode(from, value, to, &mut there).is_err() {
        assert!(there.is_empty());
        return;
    }
    let back = transcoded(to, &there, from);
    let again = transcoded(from, &back, to);
    assert_eq!(transcoded(to, &again, from), back);
    // Floats that are not finite are read from UBJSON, and never written to it.
    assert!(again == there || from == Serializer::UbJson);
});
