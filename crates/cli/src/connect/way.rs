//! The way to the broker, from the flags.

use core::fmt;

use martlet_client::{Address, Options, SocksProxy, Tls, TlsError, TlsVersion};
use martlet_tools::flags::{self, Connection, TlsOptions};

/// The path of the HTTP request of a WebSocket connection.
const WEB_SOCKET_PATH: &str = "/mqtt";

/// Why flags cannot become a way.
#[derive(Debug)]
pub(crate) enum WayError {
    /// There are no engines of OpenSSL.
    Engine(String),
    /// The key is in an engine.
    KeyForm,
    /// There are no pre-shared keys in this build.
    #[cfg(not(feature = "psk"))]
    Psk,
    /// The pre-shared key is no hexadecimal number.
    #[cfg(feature = "psk")]
    PskKey,
    /// This cannot be used with a pre-shared key.
    #[cfg(feature = "psk")]
    PskWith(&'static str),
    /// This cannot be used with a Unix domain socket.
    UnixSocket(&'static str),
    /// The files or names that the TLS flags give cannot be used.
    Tls(TlsError),
}

impl fmt::Display for WayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(engine) => {
                write!(f, "Error: Problem setting TLS engine, is {engine} a valid engine?")
            }
            Self::KeyForm => f.write_str(
                "Error: Problem setting key form, it must be one of 'pem' or 'engine'.\n\
                 This program has no OpenSSL engines.",
            ),
            #[cfg(not(feature = "psk"))]
            Self::Psk => f.write_str(
                "Error: Problem setting TLS-PSK options.\nThis program is built without pre-shared keys.",
            ),
            #[cfg(feature = "psk")]
            Self::PskKey => {
                f.write_str("Error: Problem setting TLS-PSK options.\nThe key is no hexadecimal number.")
            }
            #[cfg(feature = "psk")]
            Self::PskWith(flag) => {
                write!(f, "Error: Problem setting TLS-PSK options.\n{flag} cannot be used with --psk.")
            }
            Self::UnixSocket(what) => write!(f, "Error: {what} cannot be used with a Unix domain socket."),
            Self::Tls(error) => write!(f, "Unable to connect (A TLS error occurred).\n{error}"),
        }
    }
}

impl From<TlsError> for WayError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

/// The options for the way alone: address, local address, TLS and proxy.
pub(crate) fn way(connection: &Connection) -> Result<Options, WayError> {
    let mut options = Options::new(address(connection)?).no_delay(connection.no_delay);
    if let Some((key, identity)) = &connection.tls.psk {
        options = pre_shared(options, &connection.tls, key, identity)?;
    }
    if let Some(tls) = tls(&connection.tls)? {
        options = options.tls(tls);
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

fn address(connection: &Connection) -> Result<Address, WayError> {
    let path = || WEB_SOCKET_PATH.to_owned();
    match &connection.address {
        flags::Address::Tcp { host, port } => {
            let (host, port) = (host.clone(), *port);
            Ok(match (connection.web_socket, connection.tls.enabled) {
                (false, false) => Address::Tcp { host, port },
                (false, true) => Address::Tls { host, port },
                (true, false) => Address::WebSocket { host, port, path: path() },
                (true, true) => Address::SecureWebSocket { host, port, path: path() },
            })
        }
        flags::Address::Unix(socket) => {
            let others = [
                (connection.web_socket, "A WebSocket"),
                (connection.tls.enabled, "TLS"),
                (connection.bind.is_some(), "-A"),
                (connection.proxy.is_some(), "--proxy"),
            ];
            match others.into_iter().find(|(is_wanted, _)| *is_wanted) {
                Some((_, what)) => Err(WayError::UnixSocket(what)),
                None => Ok(Address::Unix { path: socket.clone() }),
            }
        }
    }
}

#[cfg(not(feature = "psk"))]
fn pre_shared(_: Options, _: &TlsOptions, _key: &str, _identity: &str) -> Result<Options, WayError> {
    Err(WayError::Psk)
}

/// A pre-shared key, which OpenSSL serves with ciphers and versions of its own.
#[cfg(feature = "psk")]
fn pre_shared(options: Options, tls: &TlsOptions, key: &str, identity: &str) -> Result<Options, WayError> {
    let others = [
        ("--ciphers", tls.ciphers.is_some()),
        ("--tls-version", tls.version.is_some()),
        ("--tls-keylog", tls.key_log.is_some()),
    ];
    if let Some((flag, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
        return Err(WayError::PskWith(flag));
    }
    let key = bytes_of_hexadecimal(key).ok_or(WayError::PskKey)?;
    Ok(options.psk(identity, key))
}

/// The bytes of a hexadecimal number. An odd number of digits has a 0 before it.
#[cfg(feature = "psk")]
pub(crate) fn bytes_of_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let values: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let (odd, pairs) = values.split_at(values.len() % 2);
    Some(odd.iter().copied().chain(pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect())
}

/// The flags of TLS that do nothing, because TLS is not used.
pub(crate) fn idle_tls_flags(tls: &TlsOptions) -> Vec<&'static str> {
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

/// TLS as the flags ask for it; `None` without TLS. What cannot be done is an error all the same.
fn tls(options: &TlsOptions) -> Result<Option<Tls>, WayError> {
    if let Some(engine) = &options.engine {
        return Err(WayError::Engine(engine.clone()));
    }
    if options.key_form.as_deref() == Some("engine") {
        return Err(WayError::KeyForm);
    }
    if !options.enabled {
        return Ok(None);
    }
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
    Ok(Some(if options.insecure { tls.dangerously_accept_any_name() } else { tls.accept_common_name() }))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use martlet_tools::flags::{Environment, Request};

    use super::*;

    fn of(arguments: &str) -> Result<Options, WayError> {
        let arguments: Vec<_> = arguments.split(' ').map(OsString::from).collect();
        match flags::publish(&arguments, &Environment::default()) {
            Ok(Request::Run(parsed)) => way(&parsed.connection),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        for (arguments, complaint) in [
            ("--unix /s --ws", "Error: A WebSocket cannot be used with a Unix domain socket."),
            ("--unix /s --tls-use-os-certs", "Error: TLS cannot be used with"),
            ("--unix /s -A 127.0.0.1", "Error: -A cannot be used with"),
            ("--unix /s --proxy socks5h://h", "Error: --proxy cannot be used with"),
            ("--tls-engine e", "Error: Problem setting TLS engine, is e a valid engine?"),
            ("--keyform engine --key k --cert c", "Error: Problem setting key form"),
            ("--cafile /dev/null", "Unable to connect (A TLS error occurred).\n/dev/null: no certificate"),
            (
                "--tls-use-os-certs --ciphers RC4",
                "Unable to connect (A TLS error occurred).\nno cipher is left of the list \"RC4\"",
            ),
        ] {
            let error = of(arguments).unwrap_err().to_string();
            assert!(error.starts_with(complaint), "{arguments}: {error}");
        }
        for arguments in ["-p 1", "--unix /s", "--ws", "--tls-use-os-certs --ws", "--no-tls --tls-engine e"] {
            assert!(of(arguments).is_ok(), "{arguments}");
        }
    }

    #[cfg(feature = "psk")]
    #[test]
    fn a_pre_shared_key_is_passed_on_and_never_shown() {
        assert_eq!(bytes_of_hexadecimal("deadbeef"), Some(vec![0xDE, 0xAD, 0xBE, 0xEF]));
        assert_eq!(bytes_of_hexadecimal("123"), Some(vec![1, 0x23]));
        assert_eq!(bytes_of_hexadecimal("xy"), None);
        let text = format!("{:?}", of("--psk 1234 --psk-identity me").unwrap());
        assert!(text.contains("\"me\"") && !text.contains("18, 52"), "{text}");
        let error = of("--psk 1234 --psk-identity me --ciphers PSK").unwrap_err().to_string();
        assert!(error.ends_with("--ciphers cannot be used with --psk."), "{error}");
    }

    #[cfg(not(feature = "psk"))]
    #[test]
    fn without_pre_shared_keys_the_flag_is_an_error() {
        let error = of("--psk 00 --psk-identity i").unwrap_err().to_string();
        assert!(error.starts_with("Error: Problem setting TLS-PSK options.\n"), "{error}");
    }

    #[test]
    fn the_local_address_and_the_proxy_are_passed_on() {
        let text = format!("{:?}", of("-A 127.0.0.2 --nodelay --proxy socks5h://me:secret@p:1").unwrap());
        for part in [
            "bind_address: Some(\"127.0.0.2\")",
            "no_delay: true",
            "SocksProxy { host: \"p\", port: 1, credentials: Some((\"me\", (hidden))",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn flags_of_tls_without_tls_are_told() {
        let tls = TlsOptions { insecure: true, ciphers: Some("x".to_owned()), ..TlsOptions::default() };
        assert_eq!(idle_tls_flags(&tls), ["--ciphers", "--insecure"]);
        assert!(idle_tls_flags(&TlsOptions { enabled: true, ..tls }).is_empty());
    }
}
