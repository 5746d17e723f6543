//! Bytes as operations on a small broker.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::engine(data));
