//! A request, from its bytes.

use httparse::Status;

/// Bytes of a request up to the end of its header; longer ones get 431.
pub(super) const HEAD_BYTES_MAX: usize = 8 << 10;
/// Header fields of a request; more get 431.
const FIELDS_MAX: usize = 64;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path, with its escapes undone and without what follows a question mark.
    pub(super) path: String,
    /// The field `Authorization`. A secret.
    pub(super) authorization: Option<Vec<u8>>,
}

/// What the bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// No whole request yet.
    Partial,
    /// A request. What comes behind it is not for us.
    Whole(Request),
    /// No request, or one that is too long: the status to answer with.
    Bad(u16),
}

/// Reads the request at the start of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(len)) if len <= HEAD_BYTES_MAX => match whole(&request) {
            Some(request) => Parsed::Whole(request),
            None => Parsed::Bad(400),
        },
        Ok(Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Parsed::Bad(431),
        Err(_) => Parsed::Bad(400),
    }
}

fn whole(request: &httparse::Request<'_, '_>) -> Option<Request> {
    let field = |name: &str| {
        request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    let path = request.path?.split('?').next().unwrap_or_default();
    Some(Request {
        method: request.method?.to_owned(),
        path: unescaped(path)?,
        authorization: field("authorization").map(<[u8]>::to_vec),
    })
}

/// Undoes `%41` and the like; `None` if the outcome is no text, or has U+0000.
fn unescaped(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits =
            behind.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        if let Some(digits) = digits {
            bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let request = |path: &str, authorization: Option<&[u8]>| Request {
            method: "GET".into(),
            path: path.into(),
            authorization: authorization.map(Into::into),
        };
        for (text, request) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", request("/", None)),
            ("GET /a%20b%2Fc%zz?d=e%20 HTTP/1.1\r\n\r\n", request("/a b/c%zz", None)),
            ("GET ../a HTTP/1.1\r\nauthorization: x\r\n\r\n", request("../a", Some(b"x"))),
            ("GET / HTTP/1.0\r\n\r\n", request("/", None)),
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Whole(request.clone()), "{text}");
            assert_eq!(parse(format!("{text}more").as_bytes()), Parsed::Whole(request), "{text}");
            for len in 0..text.len() {
                assert_eq!(parse(&text.as_bytes()[..len]), Parsed::Partial, "{len} of {text}");
            }
        }
    }

    #[test]
    fn what_is_no_request_or_too_long() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(HEAD_BYTES_MAX));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX + 1));
        for (text, status) in [
            ("\u{16}\u{3}\u{1}", 400),
            ("GET / HTTP/2.0\r\n\r\n", 400),
            ("GET /%00 HTTP/1.1\r\n\r\n", 400),
            ("GET /%ff HTTP/1.1\r\n\r\n", 400),
            (&long, 431),
            (&long[..=HEAD_BYTES_MAX], 431),
            (&many, 431),
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Bad(status), "{text:.40}");
        }
    }
}
