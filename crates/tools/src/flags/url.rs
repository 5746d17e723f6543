//! `-L`: scheme, credentials, host, port and topic in one text.

use super::error::{ArgumentError, NumberError, UrlError};
use super::options::Credentials;
use super::table::Tool;
use crate::number::leading_integer;

/// What a URL says.
pub(super) struct Url {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) web_socket: bool,
    pub(super) encrypted: bool,
    pub(super) topic: String,
    pub(super) credentials: Credentials,
}

const SCHEMES: [(&str, u16, bool, bool); 4] = [
    ("mqtt://", 1883, false, false),
    ("mqtts://", 8883, false, true),
    ("ws://", 1883, true, false),
    ("wss://", 8883, true, true),
];

/// Takes a URL apart. Only `mosquitto_ctrl` refuses an empty name or port; for the others they count as absent.
pub(super) fn parse(url: &str, tool: Tool) -> Result<Url, ArgumentError> {
    let strict = tool == Tool::Control;
    let (rest, (_, default_port, web_socket, encrypted)) =
        SCHEMES.iter().find_map(|scheme| Some((without(url, scheme.0)?, *scheme))).ok_or(UrlError::Scheme)?;
    let (authority, topic) = rest.split_once('/').ok_or(UrlError::TopicMissing)?;
    let (login, place) = match authority.split_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, authority),
    };
    let mut credentials = Credentials::default();
    if let Some(login) = login {
        let (username, password) = match login.split_once(':') {
            Some((username, password)) => (username, Some(password)),
            None => (login, None),
        };
        if strict && username.is_empty() {
            return Err(UrlError::EmptyUsername.into());
        }
        credentials.username = Some(username.to_owned());
        credentials.password = password.map(|password| password.as_bytes().to_vec());
    }
    let (host, port) = host_and_port(place);
    let port = match port {
        Some("") if strict => return Err(UrlError::EmptyPort.into()),
        None | Some("") => default_port,
        Some(text) => {
            let number = leading_integer(text);
            u16::try_from(number).map_err(|_| NumberError::Port(number))?
        }
    };
    Ok(Url { host: host.to_owned(), port, web_socket, encrypted, topic: topic.to_owned(), credentials })
}

/// An address of IPv6 may stand in brackets.
pub(crate) fn host_and_port(place: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    }
}

fn without<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_who_and_what() {
        let url = parse("MQTTS://me:se:cret@host:99/a/b", Tool::Publish).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.topic.as_str()), ("host", 99, "a/b"));
        assert_eq!(url.credentials.username.as_deref(), Some("me"));
        assert_eq!(url.credentials.password.as_deref(), Some(&b"se:cret"[..]));
        assert!(url.encrypted && !url.web_socket);
        let url = parse("ws://[::1]/t", Tool::Subscribe).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.web_socket), ("::1", 1883, true));
        assert!(url.credentials.username.is_none());
        assert_eq!(parse("wss://h:/t", Tool::Publish).unwrap().port, 8883);
    }
}
