//! Choices as packets of every type.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::encode(data));
