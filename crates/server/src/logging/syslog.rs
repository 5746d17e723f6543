//! The system's log: datagrams of RFC 3164 to `/dev/log`.

use std::io;
use std::os::unix::net::UnixDatagram;

use jiff::Zoned;
use jiff::fmt::strtime;

use crate::config::LogType;

/// Where the system listens.
const PATH: &str = "/dev/log";
/// The numbers of facilities: `daemon`, and the first of `local0` to `local7`.
const DAEMON: u8 = 3;
const LOCAL0: u8 = 16;

/// The system's log.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: UnixDatagram,
    facility: u8,
    program: &'static str,
}

impl Syslog {
    /// Opens it. Datagrams are dropped while the system does not take them: a broker does not wait for its log.
    pub(super) fn open(program: &'static str, facility: Option<u8>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let connected = socket.connect(PATH);
        connected.map_err(|cause| io::Error::new(cause.kind(), format!("Unable to open {PATH}: {cause}")))?;
        Ok(Self { socket, facility: facility.map_or(DAEMON, |number| LOCAL0 + number), program })
    }

    /// Writes a line.
    pub(super) fn write(&mut self, line: &str, kind: LogType) {
        let time = strtime::format("%b %e %H:%M:%S", &Zoned::now()).unwrap_or_default();
        let datagram = datagram(self.facility, kind, &time, self.program, std::process::id(), line);
        if self.socket.send(datagram.as_bytes()).is_err() && self.socket.connect(PATH).is_ok() {
            let _ = self.socket.send(datagram.as_bytes());
        }
    }
}

fn datagram(facility: u8, kind: LogType, time: &str, program: &str, process: u32, line: &str) -> String {
    let severity = match kind {
        LogType::Error => 3,
        LogType::Warning => 4,
        LogType::Notice | LogType::Subscribe | LogType::Unsubscribe => 5,
        LogType::Information => 6,
        LogType::Debug | LogType::WebSockets | LogType::Internal => 7,
    };
    format!("<{}>{time} {program}[{process}]: {line}", u16::from(facility) * 8 + severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_has_facility_and_severity() {
        let text = datagram(DAEMON, LogType::Notice, "Jan  2 03:04:05", "mosquitto", 7, "hello");
        assert_eq!(text, "<29>Jan  2 03:04:05 mosquitto[7]: hello");
        let text = datagram(LOCAL0 + 5, LogType::Error, "Jan  2 03:04:05", "martlet", 7, "x");
        assert_eq!(text, "<171>Jan  2 03:04:05 martlet[7]: x");
    }
}
