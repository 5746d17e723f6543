//! Replays the corpus of each fuzz target, and small changes of it, without a fuzzer.

use std::fs;
use std::path::Path;

/// How many changed copies of each file are tried, unless `FUZZ_CHANGES` says otherwise.
const CHANGES: u64 = 200;

fn changes() -> u64 {
    std::env::var("FUZZ_CHANGES").ok().and_then(|number| number.parse().ok()).unwrap_or(CHANGES)
}

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for file in files {
        let data = fs::read(&file).expect("the file can be read");
        target(&data);
        for _ in 0..changes() {
            target(&changed(&data, &mut random));
        }
    }
}

/// A copy with a few bytes changed, taken out or put in.
fn changed(data: &[u8], random: &mut u64) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..=next(random) % 3 {
        let at = usize::try_from(next(random)).unwrap_or(0) % (data.len() + 1);
        let byte = next(random).to_le_bytes()[3];
        match next(random) % 4 {
            0 => data.insert(at, byte),
            1 if at < data.len() => {
                data.remove(at);
            }
            2 => data.truncate(at),
            _ if at < data.len() => data[at] = byte,
            _ => {}
        }
    }
    data
}

fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

#[test]
fn decode() {
    replay("decode", fuzzing::decode);
}

#[test]
fn roundtrip() {
    replay("roundtrip", fuzzing::roundtrip);
}

#[test]
fn delivery() {
    replay("delivery", fuzzing::delivery);
}

#[test]
fn engine() {
    replay("engine", fuzzing::engine);
}

#[test]
fn encode() {
    replay("encode", fuzzing::encode);
}

#[test]
fn pieces() {
    replay("pieces", fuzzing::pieces);
}

#[test]
fn shards() {
    replay("shards", fuzzing::shards);
}

#[test]
fn store_recovery() {
    replay("store_recovery", fuzzing::store_recovery);
}
