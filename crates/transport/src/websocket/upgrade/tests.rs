use super::*;

fn options() -> WebSocketOptions {
    WebSocketOptions::new(["mqtt", "mqttv3.1"])
}

/// A good request with a line in place of another that begins alike, and further lines.
fn request(lines: &[&str]) -> String {
    let mut head = vec![
        "GET /mqtt HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==",
        "Sec-WebSocket-Protocol: mqtt",
        "Sec-WebSocket-Version: 13",
    ];
    for line in lines {
        let name = |line: &str| line.split([':', ' ']).next().map(str::to_owned);
        match head.iter_mut().find(|known| name(known) == name(line)) {
            Some(known) => *known = line,
            None => head.push(line),
        }
    }
    head.join("\r\n") + "\r\n\r\n"
}

/// Judges a request that comes at once, and cut at every place; all have to come to the same.
fn judge(options: &WebSocketOptions, request: &str) -> Result<Accepted, Refused> {
    let options = Arc::new(options.clone());
    for cut in 0..request.len() {
        let mut upgrade = Upgrade::new(Arc::clone(&options));
        let (first, second) = request.as_bytes().split_at(cut);
        let cut_in_two = match upgrade.receive(first) {
            Ok(None) => upgrade.receive(second).map(|accepted| accepted.expect("a whole request").response),
            other => other.map(|accepted| accepted.expect("a verdict").response),
        };
        let whole = Upgrade::new(Arc::clone(&options)).receive(request.as_bytes());
        let whole = whole.map(|accepted| accepted.expect("a whole request").response);
        let texts = [cut_in_two, whole].map(|verdict| verdict.map_err(|refused| refused.response));
        assert_eq!(texts[0], texts[1], "cut at {cut}");
    }
    Upgrade::new(options).receive(request.as_bytes()).map(|accepted| accepted.expect("a whole request"))
}

fn fault(options: &WebSocketOptions, lines: &[&str]) -> RequestFault {
    match judge(options, &request(lines)).expect_err("a fault").fault {
        WebSocketFault::Request(fault) => fault,
        fault => panic!("not a fault of a request: {fault}"),
    }
}

#[test]
fn the_answer_is_the_same_letter_by_letter() {
    let accepted = judge(&options(), &request(&[])).unwrap();
    let expected = "HTTP/1.1 101 Switching Protocols\r\n\
                    Upgrade: WebSocket\r\n\
                    Connection: Upgrade\r\n\
                    Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\n\
                    Sec-WebSocket-Protocol: mqtt\r\n\
                    \r\n";
    assert_eq!(accepted.response, expected);
    assert_eq!(accepted.used, request(&[]).len());
    assert_eq!(accepted.address, None);
}

#[test]
fn what_comes_behind_the_request_is_left() {
    let text = request(&[]);
    let mut upgrade = Upgrade::new(Arc::new(options()));
    assert!(upgrade.receive(&text.as_bytes()[..30]).unwrap().is_none());
    let rest = [&text.as_bytes()[30..], b"\x82\x80frame"].concat();
    assert_eq!(upgrade.receive(&rest).unwrap().unwrap().used, text.len() - 30);
}

#[test]
fn a_sub_protocol_is_chosen_by_the_wish_of_the_server() {
    let chosen = |lines: &[&str]| {
        let response = judge(&options(), &request(lines)).unwrap().response;
        response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: ")).unwrap().to_owned()
    };
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: mqttv3.1"]), "mqttv3.1");
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: mqttv3.1, mqtt"]), "mqtt");
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: other", "sec-websocket-protocol:mqtt"]), "mqtt");
    assert_eq!(fault(&options(), &["Sec-WebSocket-Protocol: MQTT, mqt"]), RequestFault::Protocol);
}

#[test]
fn names_and_elements_may_be_written_in_other_ways() {
    let lines = ["Connection: keep-alive,  UPGRADE", "Upgrade: h2c, WebSocket", "X: y"];
    judge(&options(), &request(&lines)).unwrap();
    let bare = request(&[]).replace("\r\n", "\n").replace("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY");
    judge(&options(), &bare).unwrap();
}

#[test]
fn what_is_no_good_request_is_refused_with_its_status() {
    let options = options();
    let cases = [
        ("POST /mqtt HTTP/1.1", RequestFault::Method, "405 Method Not Allowed"),
        ("GET /mqtt HTTP/1.0", RequestFault::HttpVersion, "505 HTTP Version Not Supported"),
        ("Upgrade: h2c", RequestFault::NoUpgrade, "426 Upgrade Required"),
        ("Connection: close", RequestFault::NoUpgrade, "426 Upgrade Required"),
        ("Sec-WebSocket-Version: 8", RequestFault::Version, "426 Upgrade Required"),
        ("Sec-WebSocket-Key: dG9vIHNob3J0", RequestFault::Key, "400 Bad Request"),
        ("Sec-WebSocket-Key: no base64 at all", RequestFault::Key, "400 Bad Request"),
    ];
    for (line, expected, status) in cases {
        // The first line has no colon after its name: it replaces the other by its own place.
        let text = match line.split_once(' ') {
            Some((_, rest)) if rest.starts_with('/') => request(&[]).replace("GET /mqtt HTTP/1.1", line),
            _ => request(&[line]),
        };
        let Refused { fault, response } = judge(&options, &text).unwrap_err();
        assert_eq!(fault, WebSocketFault::Request(expected.clone()), "{line}");
        assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{response}");
        assert!(response.ends_with(&format!("\r\n\r\n{expected}\n")), "{response}");
    }
    let twice = request(&[]).replace("Host: localhost", "Sec-WebSocket-Version: 13");
    let refused = judge(&options, &twice).unwrap_err();
    assert_eq!(refused.fault, WebSocketFault::Request(RequestFault::Version));
    let malformed = judge(&options, "GET /mqtt HTTP/1.1\r\nno colon\r\n\r\n").unwrap_err();
    assert!(matches!(malformed.fault, WebSocketFault::Request(RequestFault::Malformed(_))));
}

#[test]
fn who_speaks_no_http_gets_no_answer_and_is_not_waited_for() {
    for first in [b"\x16\x03\x01", &b"\x10\x20"[..], b"get"] {
        let refused = Upgrade::new(Arc::new(options())).receive(first).unwrap_err();
        assert_eq!(refused.fault, WebSocketFault::Request(RequestFault::NotHttp { first: first[0] }));
        assert_eq!(refused.response, "");
    }
}

#[test]
fn a_head_has_a_bounded_length() {
    let text = request(&[]);
    let bounded = |head_bytes_max| WebSocketOptions { head_bytes_max, ..options() };
    judge(&bounded(text.len()), &text).unwrap();
    let too_long = |fault| matches!(fault, WebSocketFault::Request(RequestFault::LongHead { .. }));
    assert!(too_long(judge(&bounded(text.len() - 1), &text).unwrap_err().fault));
    let mut upgrade = Upgrade::new(Arc::new(bounded(1000)));
    let mut sent = 0;
    let fault = loop {
        sent += 10;
        match upgrade.receive(b"GET /xxxxx") {
            Ok(accepted) => assert!(accepted.is_none() && sent < 2000),
            Err(refused) => break refused.fault,
        }
    };
    assert!(too_long(fault));
    assert_eq!(sent, 1000);
    let many = request(&[]).replace("Host: localhost", "A: b\r\n".repeat(HEADERS_MAX).trim_end());
    assert!(too_long(judge(&options(), &many).unwrap_err().fault));
}

#[test]
fn one_path_may_be_the_only_one() {
    let only = WebSocketOptions { path: Some("/mqtt".into()), ..options() };
    judge(&only, &request(&[])).unwrap();
    judge(&only, &request(&[]).replace("/mqtt HTTP", "/mqtt?x=y HTTP")).unwrap();
    let refused = judge(&only, &request(&[]).replace("/mqtt HTTP", "/mqtt/ HTTP")).unwrap_err();
    assert!(refused.response.starts_with("HTTP/1.1 404 Not Found\r\n"));
    judge(&options(), &request(&[]).replace("/mqtt HTTP", "/ HTTP")).unwrap();
}

#[test]
fn only_pages_of_known_origin_may_connect() {
    let origins = WebSocketOptions { origins: vec!["https://example.org".into()], ..options() };
    judge(&origins, &request(&["Origin: https://example.org"])).unwrap();
    judge(&origins, &request(&[])).unwrap();
    let origin = "https://example.orga".to_owned();
    assert_eq!(fault(&origins, &["Origin: https://example.orga"]), RequestFault::Origin { origin });
    judge(&options(), &request(&["Origin: https://anywhere.example"])).unwrap();
    let silent = WebSocketOptions { refusal: Refusal::Close, ..origins };
    assert_eq!(judge(&silent, &request(&["Origin: localhost"])).unwrap_err().response, "");
}

#[test]
fn trusted_proxies_tell_where_the_client_is() {
    let address = |trusted_proxies, lines: &[&str]| {
        judge(&WebSocketOptions { trusted_proxies, ..options() }, &request(lines)).unwrap().address
    };
    let is = |text: &str| Some(text.parse().unwrap());
    let hops = ["X-Forwarded-For: 192.0.2.1, 192.0.2.2", "x-forwarded-for: 2001:db8::3"];
    assert_eq!(address(0, &hops), None);
    assert_eq!(address(1, &hops), is("[2001:db8::3]:0"));
    assert_eq!(address(2, &hops), is("192.0.2.2:0"));
    assert_eq!(address(3, &hops), is("192.0.2.1:0"));
    assert_eq!(address(9, &hops), is("192.0.2.1:0"));
    assert_eq!(address(1, &[]), None);
    assert_eq!(address(1, &["X-Forwarded-For: unknown"]), None);
    assert_eq!(address(1, &["X-Forwarded-For: 192.0.2.1:5000"]), is("192.0.2.1:5000"));
    assert_eq!(address(1, &["X-Forwarded-For: [2001:db8::3]"]), is("[2001:db8::3]:0"));
    assert_eq!(address(1, &["X-Forwarded-For: [2001:db8::3]:70"]), is("[2001:db8::3]:70"));
}
