//! `martlet pub -l`

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::broker::{Broker, DEADLINE, GOODBYE};
use crate::running::Tool;

#[test]
fn lines_are_sent_as_they_come() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "pub", "-t a -l");
    let mut peer = broker.accept_3();
    tool.write(b"one\n");
    peer.expect(b"\x30\x06\0\x01aone");
    tool.write(b"\ntw");
    peer.expect(b"\x30\x03\0\x01a");
    tool.write(b"o\nthree");
    peer.expect(b"\x30\x06\0\x01atwo");
    tool.end_input();
    peer.expect(b"\x30\x08\0\x01athree");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn the_end_waits_for_every_acknowledgement() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "pub", "-t a -l -q 1 -M 2");
    tool.write(b"1\n2\n3\n");
    tool.end_input();
    let mut peer = broker.accept_3();
    peer.expect(b"\x32\x06\0\x01a\0\x011");
    peer.expect(b"\x32\x06\0\x01a\0\x022");
    // The third is not sent while two are in flight.
    peer.send(b"\x40\x02\0\x02");
    peer.expect(b"\x32\x06\0\x01a\0\x033");
    peer.send(b"\x40\x02\0\x03\x40\x02\0\x01");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn without_any_line_nothing_is_published() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "pub", "-t a -l");
    tool.end_input();
    let mut peer = broker.accept_3();
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn a_lost_connection_comes_again_and_nothing_is_lost() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "pub", "-t a -l -q 1 -c -i me");
    tool.write(b"1\n2\n");
    let mut peer = broker.accept_3();
    peer.expect(b"\x32\x06\0\x01a\0\x011");
    peer.expect(b"\x32\x06\0\x01a\0\x022");
    peer.send(b"\x40\x02\0\x01");
    // The acknowledgement has arrived when the next message comes.
    tool.write(b"3\n");
    peer.expect(b"\x32\x06\0\x01a\0\x033");
    drop(peer);
    // The broker kept the Session.
    let mut peer = broker.accept_with(b"\x20\x02\x01\0");
    tool.write(b"4\n");
    tool.end_input();
    peer.expect(b"\x3A\x06\0\x01a\0\x022");
    peer.expect(b"\x3A\x06\0\x01a\0\x033");
    peer.expect(b"\x32\x06\0\x01a\0\x044");
    peer.send(b"\x40\x02\0\x02\x40\x02\0\x03\x40\x02\0\x04");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

/// So much is written to standard input: far more than all buffers between here and the broker hold.
const INPUT_BYTES: usize = 96 << 20;
/// The most that may have been taken while the broker reads nothing. Most of it is in the system's buffers.
const TAKEN_BYTES_MAX: usize = 32 << 20;
/// The most memory that the tool may need, in KiB.
const MEMORY_KIB_MAX: usize = 48 << 10;
const LINE: usize = 1 << 10;

#[test]
fn a_broker_that_does_not_read_makes_the_reader_wait() {
    for qos in ["0", "1"] {
        let broker = Broker::start();
        let mut tool = Tool::of(&broker, "pub", &format!("-t a -l -q {qos}"));
        let mut peer = broker.accept_3();
        let mut input = tool.take_input();
        let written = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&written);
        let writer = thread::spawn(move || {
            let mut line = vec![b'x'; LINE - 1];
            line.push(b'\n');
            for _ in 0..INPUT_BYTES / LINE {
                input.write_all(&line).unwrap();
                counter.fetch_add(LINE, Ordering::Relaxed);
            }
        });
        wait_for_standstill(&written);
        assert!(written.load(Ordering::Relaxed) < TAKEN_BYTES_MAX, "QoS {qos}: the input was taken");
        let memory = peak_memory_kib(tool.id());
        assert!(memory < MEMORY_KIB_MAX, "QoS {qos}: {memory} KiB");
        // When the broker goes on, everything comes.
        if qos == "0" {
            let mut rest = peer.0.try_clone().unwrap();
            let packet_len = 3 + 3 + LINE - 1; // the fixed header, the topic, the line
            let mut all = vec![0; 1 << 20];
            let mut left = INPUT_BYTES / LINE * packet_len;
            while left > 0 {
                let len = left.min(all.len());
                rest.read_exact(&mut all[..len]).unwrap();
                left -= len;
            }
        } else {
            for _ in 0..INPUT_BYTES / LINE {
                let packet = peer.packet();
                peer.send(&[0x40, 2, packet[6], packet[7]]);
            }
        }
        peer.expect(GOODBYE);
        drop(peer);
        writer.join().unwrap();
        tool.end().is(0, "", "");
    }
}

/// Waits until a counter has not changed for half a second.
fn wait_for_standstill(counter: &AtomicUsize) {
    let started = Instant::now();
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_millis(500) || last == 0 {
        assert!(started.elapsed() < DEADLINE, "it goes on and on");
        let now = counter.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        thread::yield_now();
    }
}

/// The most memory that a process has had.
fn peak_memory_kib(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
