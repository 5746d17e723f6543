//! The shell of `martlet ctrl` on a terminal: prompt, completion, and passwords that do not show.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use common::modules::Modules;
use common::{DEADLINE, martlet};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// The program on a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// All that was shown.
    shown: String,
    /// Up to here it was waited for.
    seen: usize,
}

impl Terminal {
    fn open(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let side = || OwnedFd::from(slave.try_clone().unwrap());
        let mut command = martlet();
        command.args(arguments).stdin(side()).stdout(side()).stderr(side());
        let child = command.env("TERM", "xterm").env("NO_COLOR", "1").spawn().unwrap();
        let keyboard = File::from(master);
        let mut output = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The end of the program is an error here.
            while let Ok(len @ 1..) = output.read(&mut chunk) {
                if sender.send(chunk[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new(), seen: 0 }
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until a text is shown, after what was waited for before.
    fn wait_for(&mut self, text: &str) {
        let started = Instant::now();
        loop {
            if let Some(place) = self.shown[self.seen..].find(text) {
                self.seen += place + text.len();
                return;
            }
            let left = DEADLINE.saturating_sub(started.elapsed());
            let chunk = self.screen.recv_timeout(left);
            let chunk = chunk.unwrap_or_else(|_| panic!("{text:?} is not in {:?}", &self.shown[self.seen..]));
            self.shown.push_str(core::str::from_utf8(&chunk).unwrap());
        }
    }

    fn exit_status(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < DEADLINE, "it does not end");
            thread::yield_now();
        };
        (status.code(), core::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Modules that know a client.
fn modules() -> u16 {
    Modules { answer: |_, command| Some(answer(command)), ..Modules::default() }.start()
}

fn answer(command: &str) -> String {
    match command {
        r#"{"command":"listClients"}"# => {
            r#"{"responses":[{"command":"listClients","data":{"clients":["alice"]}}]}"#.to_owned()
        }
        r#"{"command":"setClientPassword","username":"alice","password":"hushhush"}"# => {
            r#"{"responses":[{"command":"setClientPassword"}]}"#.to_owned()
        }
        _ => r#"{"responses":[{"command":"x","error":"not foreseen"}]}"#.to_owned(),
    }
}

#[test]
fn words_complete_and_passwords_do_not_show() {
    let port = modules();
    let mut terminal = Terminal::open(&["ctrl"]);
    terminal.wait_for("> ");
    terminal.type_in("auth admin\r");
    terminal.wait_for("password:");
    terminal.type_in("opensesame\r");
    terminal.wait_for("> ");
    terminal.type_in(&format!("connect mqtt://127.0.0.1:{port}\r"));
    let prompt = format!("mqtt://127.0.0.1:{port}> ");
    terminal.wait_for(&prompt);
    terminal.type_in("dyn\t\r");
    terminal.wait_for(&format!("mqtt://127.0.0.1:{port}|dynsec> "));
    // The name of the client is known from the list that was asked for.
    terminal.type_in("setClientPass\t al\t\r");
    terminal.wait_for("password:");
    terminal.type_in("hushhush\r");
    terminal.wait_for("password again:");
    terminal.type_in("hushhush\r");
    terminal.wait_for("OK");
    terminal.wait_for("dynsec> ");
    terminal.type_in("deleteClient alice\r");
    terminal.wait_for("not foreseen");
    terminal.wait_for("dynsec> ");
    // Ctrl+C gives up a line, Ctrl+D ends the shell.
    terminal.type_in("something\x03");
    terminal.wait_for("dynsec> ");
    terminal.type_in("\x04");
    let (status, shown) = terminal.exit_status();
    assert_eq!(status, Some(0));
    assert!(!shown.contains("hush") && !shown.contains("sesame"), "{shown}");
}

#[test]
fn the_password_of_a_command_does_not_show() {
    let port = modules().to_string();
    let mut terminal =
        Terminal::open(&["ctrl", "-h", "127.0.0.1", "-p", &port, "dynsec", "setClientPassword", "alice"]);
    terminal.wait_for("New password for alice: ");
    terminal.type_in("hushhush\r");
    terminal.wait_for("Reenter password for alice: ");
    terminal.type_in("hushhush\r");
    let (status, shown) = terminal.exit_status();
    assert_eq!(status, Some(0));
    assert!(!shown.contains("hush"), "{shown}");
}
