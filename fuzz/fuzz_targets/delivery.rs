//! The states of QoS 1 and QoS 2 against a list.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::delivery(data));
