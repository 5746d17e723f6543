//! A Debian in a folder as a machine of its own: with its own network, which is only a loopback, and its own processes,
//! which all end with it.

use core::time::Duration;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use super::debian::Debian;
use crate::command;

/// How long a broker may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Where a service says that it is ready.
const SOCKET: &str = "run/notify";

/// A running machine.
pub(super) struct Machine<'a> {
    debian: &'a Debian,
    /// The process that holds its name spaces.
    holder: Child,
}

impl<'a> Machine<'a> {
    /// Starts it.
    pub(super) fn boot(debian: &'a Debian) -> Result<Self, String> {
        let script = "mount -t proc proc ./proc && ip link set lo up && echo ready && exec sleep infinity";
        let mut unshare = command::new("unshare", debian.root());
        unshare.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", script]);
        let holder = unshare.stdout(Stdio::piped()).spawn();
        let mut machine =
            Self { debian, holder: holder.map_err(|error| format!("cannot run `unshare`: {error}"))? };
        let output = machine.holder.stdout.take().expect("standard output is a pipe");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        if read.is_ok() && line == "ready\n" { Ok(machine) } else { Err("the machine does not start".into()) }
    }

    /// Runs a script on it as root and returns what it printed.
    pub(super) fn sh(&self, script: &str) -> Result<String, String> {
        command::output(&mut self.command(script))
    }

    /// Starts a service as its unit says, and waits until it says that it is ready.
    pub(super) fn start(&self, unit: &str) -> Result<Broker, String> {
        let unit = Unit::parse(&self.read_unit(unit)?)?;
        for before in &unit.before {
            self.sh(before)?;
        }
        let become_user = match &unit.user {
            Some(user) => format!("setpriv --reuid={user} --regid={user} --init-groups -- "),
            None => String::new(),
        };
        let socket = self.socket()?;
        let log = self.debian.root().join("var/log/broker");
        let file = File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let mut command =
            self.command(&format!("export NOTIFY_SOCKET=/{SOCKET} && exec {become_user}{}", unit.start));
        let child = command.stdout(Stdio::null()).stderr(file).spawn();
        let child = child.map_err(|error| format!("cannot start the broker: {error}"))?;
        let mut broker = Broker { child, socket, reload: unit.reload, log };
        broker.wait_until_ready()?;
        Ok(broker)
    }

    /// Where services speak to who started them.
    fn socket(&self) -> Result<UnixDatagram, String> {
        let path = self.debian.root().join(SOCKET);
        // One from the start before may be there.
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).and_then(|socket| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
            socket.set_read_timeout(Some(PAUSE))?;
            Ok(socket)
        });
        socket.map_err(|error| format!("cannot listen on {}: {error}", path.display()))
    }

    /// Publishes a retained message and waits for its acknowledgement.
    pub(super) fn publish(&self, tool: &str, payload: &str) -> Result<(), String> {
        self.sh(&format!("{tool} -t check/kept -m {payload} -q 1 -r")).map(drop)
    }

    /// The retained message.
    pub(super) fn subscribe(&self, tool: &str) -> Result<String, String> {
        self.sh(&format!("{tool} -t check/kept -C 1 -W 10"))
    }

    fn read_unit(&self, unit: &str) -> Result<String, String> {
        // Debian 12 has the units of others in /lib, which is a link to /usr/lib.
        self.debian.read(&format!("usr/lib/systemd/system/{unit}"))
    }

    fn command(&self, script: &str) -> Command {
        let holder = self.holder.id();
        let mut nsenter = command::new("nsenter", self.debian.root());
        for (kind, file) in [("mount", "mnt"), ("net", "net"), ("pid", "pid_for_children")] {
            nsenter.arg(format!("--{kind}=/proc/{holder}/ns/{file}"));
        }
        nsenter.args(["--", "timeout"]);
        self.debian.command(nsenter, script)
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // All its processes end with the first one. If that has ended already, there is nothing to do.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A broker on a machine.
pub(super) struct Broker {
    child: Child,
    socket: UnixDatagram,
    reload: Option<String>,
    log: PathBuf,
}

impl Broker {
    /// Lets it read its configuration again, as its unit says, and waits until it has.
    pub(super) fn reload(&mut self, machine: &Machine<'_>) -> Result<(), String> {
        let reload = self.reload.as_deref().ok_or("the unit cannot reload")?;
        // All that a plus adds is the rights of root, which we have.
        let reload = reload.trim_start_matches('+');
        machine.sh(&format!("MAINPID=$(pidof martlet mosquitto) && {reload}"))?;
        self.wait_until_ready()
    }

    /// Tells it to end and waits until it has.
    pub(super) fn stop(mut self, machine: &Machine<'_>) -> Result<(), String> {
        machine.sh("kill -TERM $(pidof martlet mosquitto)")?;
        let mut status = None;
        let deadline = Instant::now() + PATIENCE;
        while status.is_none() && Instant::now() < deadline {
            status = self.child.try_wait().map_err(|error| format!("cannot wait for the broker: {error}"))?;
            thread::sleep(PAUSE);
        }
        match status {
            Some(status) if status.success() => Ok(()),
            other => Err(format!("the broker does not end well ({other:?}): {}", self.logged())),
        }
    }

    /// Waits for the line by which a service says that it is ready.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 4096];
        loop {
            let ended =
                self.child.try_wait().map_err(|error| format!("cannot wait for the broker: {error}"))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("the broker does not get ready ({ended:?}): {}", self.logged()));
            }
            // An error is a pause without a message.
            let length = self.socket.recv(&mut buffer).unwrap_or_default();
            if buffer[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return Ok(());
            }
        }
    }

    fn logged(&self) -> String {
        super::read(&self.log).unwrap_or_else(|error| error)
    }
}

/// What a unit of systemd says of its service.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    before: Vec<String>,
    start: String,
    reload: Option<String>,
    user: Option<String>,
}

impl Unit {
    fn parse(text: &str) -> Result<Self, String> {
        let all = |key: &str| {
            let lines = text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| *name == key);
            lines.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
        };
        let start = all("ExecStart").pop().ok_or("the unit starts nothing")?;
        let reload = all("ExecReload").pop();
        Ok(Self { before: all("ExecStartPre"), start, reload, user: all("User").pop() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_says_what_to_start_as_whom() {
        let text = "[Service]\nType=exec\nUser=someone\nExecStartPre=/bin/a b\nExecStart=/usr/bin/c -d e=f\nExecReload=+/bin/r $MAINPID\n";
        let unit = Unit {
            before: vec!["/bin/a b".into()],
            start: "/usr/bin/c -d e=f".into(),
            reload: Some("+/bin/r $MAINPID".into()),
            user: Some("someone".into()),
        };
        assert_eq!(Unit::parse(text), Ok(unit));
        assert!(Unit::parse("[Service]\nType=exec\n").is_err());
    }
}
