//! The program as it is run: arguments, exit codes, signals.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Instant;

const DEADLINE: Duration = Duration::from_secs(20);
const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

fn martlet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_martlet"));
    command.stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = martlet().args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A file that is gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-test-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A running broker; it is killed if the test fails.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

impl Running {
    /// Starts the program and reads from its greeting what it listens on.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let listed = line.trim().split_once(" listens on ").unwrap_or_else(|| panic!("{line:?}")).1;
        let addresses = listed.split(" and ").map(|address| address.parse().unwrap()).collect();
        Self { child, stdout, addresses }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: its exit code, and the rest of what was written.
    fn end(mut self) -> (Option<i32>, String, String) {
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < DEADLINE, "it does not end");
            std::thread::yield_now();
        }
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects a client of MQTT 3.1.1 that is let in.
fn client(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(CONNECT).unwrap();
    let mut connack = [0; 4];
    socket.read_exact(&mut connack).unwrap();
    assert_eq!(connack, CONNACK);
    socket
}

#[test]
fn version_and_help_go_to_standard_output() {
    let (code, stdout, stderr) = run(&["--version"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "martlet 0.1.0\n", ""));
    for flag in ["-h", "--help"] {
        let (code, stdout, stderr) = run(&[flag]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.contains("Usage: martlet [OPTIONS]"), "{stdout}");
    }
}

#[test]
fn bad_arguments_are_exit_code_3() {
    for arguments in [&["--no-such-flag"][..], &["-p", "x"], &["-p"], &["-c"], &["extra"]] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{arguments:?}");
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_bad_configuration_is_exit_code_3() {
    let file = File::new("bad.conf", "# comment\nbridge_cafile x\n");
    let expected = format!("Error: {}:2: `bridge_cafile` needs a `connection` above it\n", file.path());
    assert_eq!(run(&["-c", file.path()]), (Some(3), String::new(), expected));

    let file = File::new("later.conf", "log_dest dlt\n\n\ntls_keyform engine\n");
    let (code, stdout, stderr) = run(&["-c", file.path(), "--test-config"]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
    let expected = [
        (1, "log_dest dlt", "a log for Diagnostic Log and Trace; use `log_dest syslog` or `log_dest file`"),
        (4, "tls_keyform", "OpenSSL engines; keep the key in a file, and name that by `keyfile`"),
    ]
    .map(|(line, option, what)| {
        let file = file.path();
        format!("Error: {file}:{line}: `{option}` is not supported: this version does not have {what}\n")
    });
    assert_eq!(stderr, expected.concat());

    let (code, _, stderr) = run(&["-c", "/nonexistent.conf"]);
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("Error: /nonexistent.conf: cannot be read: "), "{stderr}");

    let file = File::new("port.conf", "listener 1884 127.0.0.1\nallow_anonymous true\n");
    let (code, _, stderr) = run(&["-c", file.path(), "-p", "1885"]);
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("Error: -p 1885: "), "{stderr}");
}

#[test]
fn a_port_in_use_is_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, stdout, stderr) = run(&["-p", &port.to_string()]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let expected = format!("Error: Address already in use (127.0.0.1:{port}): is another broker running?\n");
    assert!(stderr.ends_with(&expected), "{stderr}");
}

#[test]
fn sigterm_and_sigint_end_it_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let broker = Running::start(martlet().args(["-p", "0"]));
        assert!(broker.addresses.iter().all(|address| address.ip().is_loopback()));
        let mut socket = client(broker.addresses[0]);
        broker.signal(signal);
        assert_eq!(socket.read(&mut [0; 16]).unwrap(), 0, "the client sees the end");
        let (code, stdout, stderr) = broker.end();
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stdout.contains("mosquitto_pub -p "), "{stdout}");
        assert!(stderr.contains("NOTICE client connected client=\"a\" peer=127.0.0.1:"), "{stderr}");
        assert!(stderr.contains("INFO shutting down signal=\"SIG"), "{stderr}");
    }
}

#[test]
fn a_configuration_file_is_followed() {
    // A port that was free a moment ago: the option takes no 0.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = File::new(
        "good.conf",
        &format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nshards 3\nmax_packet_size 100\npersistence false\n"
        ),
    );
    let broker = Running::start(martlet().args(["-v", "-c", file.path(), "-p", &port.to_string()]));
    assert_eq!(broker.addresses, [SocketAddr::from(([127, 0, 0, 1], port))]);
    let mut socket = client(broker.addresses[0]);
    socket.write_all(&[&[0x30, 0xC8, 0x01][..], &[0; 200]].concat()).unwrap(); // 203 bytes
    let end = socket.read(&mut [0; 16]);
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    broker.signal("-TERM");
    let (code, stdout, stderr) = broker.end();
    assert_eq!((code, stdout.as_str()), (Some(0), "Sessions and messages are gone when it ends\n"));
    assert!(stderr.contains("shards=3"), "{stderr}");
    assert!(stderr.contains("a packet of 203 bytes, the maximum is 100"), "{stderr}");
    assert!(stderr.contains("DEBUG"), "{stderr}");
}

#[test]
fn it_lives_on_when_nobody_reads_what_it_says() {
    let mut broker = Running::start(martlet().args(["-vv", "-p", "0"]));
    drop(broker.child.stderr.take());
    for _ in 0..3 {
        client(broker.addresses[0]);
    }
    broker.signal("-TERM");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = broker.child.try_wait().unwrap() {
            break status;
        }
        assert!(started.elapsed() < DEADLINE, "it does not end");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn without_file_descriptors_it_waits_and_goes_on() {
    let limited = format!("ulimit -n 40; exec {} -p 0", env!("CARGO_BIN_EXE_martlet"));
    let broker = Running::start(Command::new("sh").args(["-c", &limited]));
    let address = broker.addresses[0];
    let many: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut late = TcpStream::connect(address).unwrap();
    late.write_all(CONNECT).unwrap();
    late.set_read_timeout(Some(Duration::from_millis(600))).unwrap();
    assert!(late.read(&mut [0; 4]).is_err(), "there was room after all");
    drop(many);
    late.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut connack = [0; 4];
    late.read_exact(&mut connack).unwrap();
    assert_eq!(connack, CONNACK);
    broker.signal("-TERM");
    let (code, _, stderr) = broker.end();
    assert_eq!(code, Some(0));
    // Each shard may say it, but nobody says it again and again.
    let shards = std::thread::available_parallelism().unwrap().get();
    let said = stderr.matches("cannot accept connections").count();
    assert!((1..=shards).contains(&said), "{stderr}");
}

#[test]
fn links_answer_to_the_names_of_mosquittos_programs() {
    let folder = File::new("links", "");
    fs::remove_file(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    for _ in 0..2 {
        let (code, stdout, stderr) = run(&["install-links", folder.path()]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.contains("/mosquitto_passwd -> "), "{stdout}");
    }
    let passwd = folder.0.join("mosquitto_passwd");
    let output =
        Command::new(passwd).args(["-c", "-b", "-H", "sha512", "-", "user", "secret"]).output().unwrap();
    assert!(output.stdout.starts_with(b"user:$6$"), "{output:?}");
    fs::remove_dir_all(folder.path()).unwrap();
}
