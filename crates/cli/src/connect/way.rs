//! The way to the broker, from the flags.

use martlet_client::{Address, Options, SocksProxy, Tls, TlsError, TlsVersion};
use martlet_tools::flags::{self, Connection, TlsOptions, Tool};

/// The path of the HTTP request of a WebSocket connection.
const WEB_SOCKET_PATH: &str = "/mqtt";

/// The options for [`martlet_client::dial`]; the error is a text that ends in a newline, and the exit status is then 1.
pub(super) fn options(tool: Tool, connection: &Connection) -> Result<Options, String> {
    check_tls(tool, &connection.tls)?;
    let mut options = Options::new(address(connection)?).no_delay(connection.no_delay);
    if connection.tls.enabled {
        let failed = |error| format!("Unable to connect (A TLS error occurred).\n{error}\n");
        options = options.tls(tls(&connection.tls).map_err(failed)?);
    }
    if let Some(local) = &connection.bind {
        options = options.bind_address(local);
    }
    if let Some(proxy) = &connection.proxy {
        let mut socks = SocksProxy::new(&proxy.host, proxy.port);
        if let Some(username) = &proxy.credentials.username {
            let password = proxy.credentials.password.clone().unwrap_or_default();
            socks = socks.credentials(username, password);
        }
        options = options.socks(socks);
    }
    Ok(options)
}

fn address(connection: &Connection) -> Result<Address, String> {
    let path = || WEB_SOCKET_PATH.to_owned();
    match (&connection.address, connection.web_socket, connection.tls.enabled) {
        (flags::Address::Tcp { host, port }, is_web_socket, is_encrypted) => {
            let (host, port) = (host.clone(), *port);
            Ok(match (is_web_socket, is_encrypted) {
                (false, false) => Address::Tcp { host, port },
                (false, true) => Address::Tls { host, port },
                (true, false) => Address::WebSocket { host, port, path: path() },
                (true, true) => Address::SecureWebSocket { host, port, path: path() },
            })
        }
        (flags::Address::Unix(socket), false, false) => {
            let unsupported =
                |flag: &str| format!("Error: {flag} cannot be used with a Unix domain socket.\n");
            match (&connection.bind, &connection.proxy) {
                (None, None) => Ok(Address::Unix { path: socket.clone() }),
                (Some(_), _) => Err(unsupported("-A")),
                (None, Some(_)) => Err(unsupported("--proxy")),
            }
        }
        (flags::Address::Unix(_), _, _) => {
            Err("Error: Neither TLS nor WebSockets are supported on a Unix domain socket.\n".to_owned())
        }
    }
}

/// What can be wrong with the flags of TLS whether or not TLS is used.
fn check_tls(tool: Tool, tls: &TlsOptions) -> Result<(), String> {
    flags::check_tls(tool, tls).map_err(|error| format!("{error}\n"))?;
    if let Some(engine) = &tls.engine {
        return Err(format!("Error: Problem setting TLS engine, is {engine} a valid engine?\n"));
    }
    if tls.key_form.as_deref() == Some("engine") {
        let text = "Error: Problem setting key form, it must be one of 'pem' or 'engine'.\n\
                    This program has no OpenSSL engines.\n";
        return Err(text.to_owned());
    }
    if tls.psk.is_some() {
        let text =
            "Error: Problem setting TLS-PSK options.\nThis program is built without pre-shared keys.\n";
        return Err(text.to_owned());
    }
    Ok(())
}

/// The flags of TLS that do nothing, because TLS is not used.
pub(super) fn idle_tls_flags(tls: &TlsOptions) -> Vec<&'static str> {
    let given = [
        ("--cert", tls.certificate.is_some()),
        ("--key", tls.key.is_some()),
        ("--ciphers", tls.ciphers.is_some()),
        ("--tls-version", tls.version.is_some()),
        ("--tls-alpn", tls.alpn.is_some()),
        ("--tls-keylog", tls.key_log.is_some()),
        ("--insecure", tls.insecure),
    ];
    given.into_iter().filter(|(_, is_given)| *is_given && !tls.enabled).map(|(flag, _)| flag).collect()
}

fn tls(options: &TlsOptions) -> Result<Tls, TlsError> {
    let mut tls = Tls::default();
    if let Some(file) = &options.roots.file {
        tls = tls.ca_file(file)?;
    }
    if let Some(directory) = &options.roots.directory {
        tls = tls.ca_directory(directory)?;
    }
    if options.roots.system {
        tls = tls.system_authorities();
    }
    if let (Some(certificate), Some(key)) = (&options.certificate, &options.key) {
        tls = tls.client_certificate(certificate, key)?;
    }
    if let Some(ciphers) = &options.ciphers {
        tls = tls.cipher_list(ciphers)?;
    }
    match options.version.as_deref() {
        Some("tlsv1.3") => tls = tls.version_min(TlsVersion::Tls13),
        Some(_) => tls = tls.version_min(TlsVersion::Tls12),
        None => {}
    }
    if let Some(protocol) = &options.alpn {
        tls = tls.alpn(&[protocol]);
    }
    if let Some(file) = &options.key_log {
        tls = tls.key_log_file(file)?;
    }
    if options.insecure {
        tls = tls.dangerously_accept_any_name();
    }
    Ok(tls)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use martlet_tools::flags::{Environment, Request};

    use super::*;

    fn of(arguments: &str) -> Result<(), String> {
        let arguments: Vec<_> = arguments.split(' ').map(OsString::from).collect();
        match flags::publish(&arguments, &Environment::default()) {
            Ok(Request::Run(parsed)) => options(Tool::Publish, &parsed.connection).map(drop),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        for (arguments, complaint) in [
            ("--unix /s --ws", "Error: Neither TLS nor WebSockets are supported on a Unix domain socket.\n"),
            ("--unix /s --tls-use-os-certs", "Error: Neither TLS nor WebSockets"),
            ("--unix /s -A 127.0.0.1", "Error: -A cannot be used with a Unix domain socket.\n"),
            ("--unix /s --proxy socks5h://h", "Error: --proxy cannot be used with a Unix domain socket.\n"),
            ("--tls-engine e", "Error: Problem setting TLS engine, is e a valid engine?\n"),
            ("--keyform engine --key k --cert c", "Error: Problem setting key form"),
            ("--psk 00 --psk-identity i", "Error: Problem setting TLS-PSK options.\n"),
            ("--cafile /nowhere", "Error: Problem setting TLS options: File not found.\n"),
            ("--cafile /dev/null", "Unable to connect (A TLS error occurred).\n/dev/null: no certificate\n"),
            (
                "--tls-use-os-certs --ciphers RC4",
                "Unable to connect (A TLS error occurred).\nno cipher is left",
            ),
        ] {
            let error = of(arguments).unwrap_err();
            assert!(error.starts_with(complaint), "{arguments}: {error}");
        }
        for arguments in ["-p 1", "--unix /s", "--ws", "--tls-use-os-certs --ws", "--no-tls --tls-engine e"] {
            assert_eq!(of(arguments), Ok(()), "{arguments}");
        }
    }
}
