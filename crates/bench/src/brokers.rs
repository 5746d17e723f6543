//! Brokers as programs of their own, each with a listener for every way to it.

use core::time::Duration;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use authority::{Authority, Issued};
use martlet_server::{
    Broker, Host, ListenAddress, ListenerOptions, Options, Security, TlsOptions, WebSocketOptions,
};
use rustls::client::Resumption;

use crate::carrier::Way;
use crate::program::{Program, free_port};

/// A broker that runs.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// TCP, TLS, WebSocket, WebSocket over TLS.
    pub(crate) ways: [Way; Self::WAYS],
}

impl Running {
    /// How many ways there are to each.
    pub(crate) const WAYS: usize = 4;

    /// Starts Martlet.
    pub(crate) fn martlet(authority: &Authority) -> io::Result<Self> {
        let server = authority.server();
        let mut program = Program::start(
            Command::new(std::env::current_exe()?)
                .arg("serve")
                .args([&server.certificate_file, &server.key_file])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let stdout = program.stdout().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ports: Vec<u16> = line.split_whitespace().filter_map(|port| port.parse().ok()).collect();
        let ports = ports.try_into().map_err(|_| io::Error::other("the broker did not start"))?;
        Ok(Self { name: "Martlet", program, ways: ways(authority, ports) })
    }

    /// Starts Mosquitto.
    pub(crate) fn mosquitto(program: &Path, authority: &Authority) -> io::Result<Self> {
        let mut ports = [0; 4];
        for port in &mut ports {
            *port = free_port()?;
        }
        let Issued { certificate_file, key_file, .. } = authority.server();
        let tls = format!("certfile {}\nkeyfile {}\n", certificate_file.display(), key_file.display());
        let [tcp, tls_port, web, web_tls] = ports;
        let text = format!(
            "allow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 0\n\
             listener {tcp} 127.0.0.1\n\
             listener {tls_port} 127.0.0.1\n{tls}\
             listener {web} 127.0.0.1\nprotocol websockets\n\
             listener {web_tls} 127.0.0.1\nprotocol websockets\n{tls}"
        );
        let file = authority.folder().write("mosquitto.conf", text);
        let mut program = Program::start(
            Command::new(program).arg("-c").arg(file).stdin(Stdio::null()).stderr(Stdio::null()),
        )?;
        let ways = ways(authority, ports);
        program.wait_until(Duration::from_secs(10), || ways.iter().all(|way| way.open().is_ok()))?;
        Ok(Self { name: "Mosquitto", program, ways })
    }
}

/// Clients do not resume sessions: every handshake is a whole one.
fn ways(authority: &Authority, ports: [u16; 4]) -> [Way; 4] {
    let mut config = authority.trusting(None);
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    let way = |place: usize| Way {
        port: ports[place],
        tls: (place % 2 == 1).then(|| Arc::clone(&config)),
        websocket: place >= 2,
    };
    [way(0), way(1), way(2), way(3)]
}

/// Runs Martlet until standard input ends, and tells its ports.
pub(crate) fn serve(certificate: &Path, key: &Path) -> io::Result<()> {
    let listener = |tls: bool, websocket: bool| ListenerOptions {
        security: tls.then(|| Security::Tls(TlsOptions::new(certificate, key))),
        websocket: websocket.then(|| WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS)),
        ..ListenAddress { host: Host::Named("127.0.0.1".into()), port: 0 }.into()
    };
    let listeners =
        vec![listener(false, false), listener(true, false), listener(false, true), listener(true, true)];
    let broker = Broker::start(Options { listeners, ..Options::default() }).map_err(io::Error::other)?;
    let ports: Vec<String> = broker.local_addrs().iter().map(|address| address.port().to_string()).collect();
    println!("{}", ports.join(" "));
    io::copy(&mut io::stdin(), &mut io::sink())?;
    broker.shutdown().map_err(io::Error::other)
}
