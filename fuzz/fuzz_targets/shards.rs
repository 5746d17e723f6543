//! Bytes as operations on a broker of several shards.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::shards(data));
