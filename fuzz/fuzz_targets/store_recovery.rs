//! Any bytes as the files of a shard.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::store_recovery(data));
