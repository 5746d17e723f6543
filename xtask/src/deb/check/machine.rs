//! A Debian in a folder as a machine of its own: with its own network, which is only a loopback, and its own processes,
//! which all end with it.

use core::time::Duration;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
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
/// Whether something listens on port 1883, which is 0x075B, of this machine; 0A is the state of a listener.
const LISTENS: &str = "grep --quiet ':075B [0-9A-F:]* 0A ' /proc/net/tcp";

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

    /// Starts a service as its unit says, and waits until its port answers.
    pub(super) fn start(&self, unit: &str) -> Result<Broker, String> {
        let unit = Unit::parse(&self.read_unit(unit)?)?;
        for before in &unit.before {
            self.sh(before)?;
        }
        let start = match &unit.user {
            Some(user) => {
                format!("exec setpriv --reuid={user} --regid={user} --init-groups -- {}", unit.start)
            }
            None => format!("exec {}", unit.start),
        };
        let log = self.debian.root().join("var/log/broker");
        let file = || File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()));
        let mut command = self.command(&start);
        let child = command.stdout(Stdio::null()).stderr(file()?).spawn();
        let child = child.map_err(|error| format!("cannot start the broker: {error}"))?;
        let mut broker = Broker { child, reload: unit.reload, log };
        broker.wait_until("listens", || self.sh(LISTENS).is_ok())?;
        Ok(broker)
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
    reload: Option<String>,
    log: PathBuf,
}

impl Broker {
    /// Lets it read its configuration again, as its unit says.
    pub(super) fn reload(&self, machine: &Machine<'_>) -> Result<(), String> {
        let reload = self.reload.as_deref().ok_or("the unit cannot reload")?;
        // All that a plus adds is the rights of root, which we have.
        let reload = reload.trim_start_matches('+');
        machine.sh(&format!("MAINPID=$(pidof martlet mosquitto) && {reload}")).map(drop)
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

    fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            let ended =
                self.child.try_wait().map_err(|error| format!("cannot wait for the broker: {error}"))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("no broker {what} ({ended:?}): {}", self.logged()));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
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
