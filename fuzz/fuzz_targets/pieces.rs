//! The parts of packets: a Topic Filter, properties, a beginning.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::pieces(data));
