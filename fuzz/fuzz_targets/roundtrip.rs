//! Any packet as bytes and back.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::roundtrip(data));
