//! The service manager that started the program, systemd for example. It is told when the broker is ready, reads its
//! configuration again, or stops; and again and again that it is alive, where it wants to know.
//!
//! The protocol is that of `sd_notify(3)`: lines in a datagram to the socket that `NOTIFY_SOCKET` names.

use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;

use nix::time::{ClockId, clock_gettime};

/// The service manager.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names; `None` if nobody wants to be told.
    ///
    /// # Errors
    /// Its socket has a name that this system does not know.
    pub fn of_environment(
        environment: impl Fn(&'static str) -> Option<OsString>,
    ) -> io::Result<Option<Self>> {
        let Some(name) = environment("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let number = |name| environment(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|time| *time > 0 && is_for_us);
        Ok(Some(Self {
            socket: UnixDatagram::unbound()?,
            address: address(&name)?,
            watchdog: watchdog.map(Duration::from_micros),
        }))
    }

    /// How often it wants to hear that the program is alive, before it takes it for dead.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The broker serves clients, or has read its configuration again.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The broker reads its configuration again.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    /// The broker stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The broker is alive.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, lines: &str) {
        if let Err(error) = self.socket.send_to_addr(lines.as_bytes(), &self.address) {
            tracing::warn!(%error, "the service manager cannot be told: {}", lines.escape_debug());
        }
    }
}

/// An absolute path, or `@` and a name in the abstract namespace of Linux.
fn address(name: &OsString) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "NOTIFY_SOCKET is neither a path nor a name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(
        socket: &str,
        interval: Option<&str>,
        pid: Option<&str>,
    ) -> io::Result<Option<ServiceManager>> {
        ServiceManager::of_environment(|name| {
            let value = match name {
                "NOTIFY_SOCKET" => Some(socket),
                "WATCHDOG_USEC" => interval,
                _ => pid,
            };
            value.map(Into::into)
        })
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_it_names() {
        let interval = |interval, pid: Option<&str>| {
            manager("/run/x", interval, pid).unwrap().unwrap().watchdog_interval()
        };
        let own = process::id().to_string();
        assert_eq!(interval(Some("2000000"), None), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("2000000"), Some(&own)), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("2000000"), Some("1")), None);
        assert_eq!(interval(Some("0"), None), None);
        assert_eq!(interval(None, None), None);
    }

    #[test]
    fn without_a_socket_nobody_is_told() {
        assert!(manager("", None, None).unwrap().is_none());
        assert!(manager("vsock:2:1234", None, None).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_happens_is_told_in_lines() {
        use std::os::linux::net::SocketAddrExt;

        let name = format!("martlet-service-{}", process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let manager = manager(&format!("@{name}"), None, None).unwrap().unwrap();
        let heard = || {
            let mut buffer = [0; 200];
            let len = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..len]).into_owned()
        };
        manager.ready();
        assert_eq!(heard(), "READY=1");
        manager.reloading();
        let (first, time) =
            heard().split_once("\nMONOTONIC_USEC=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(first, "RELOADING=1");
        assert!(time.parse::<u64>().unwrap() > 0);
        manager.stopping();
        assert_eq!(heard(), "STOPPING=1");
        manager.alive();
        assert_eq!(heard(), "WATCHDOG=1");
    }
}
