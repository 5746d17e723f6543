//! Requests that were sent to Mosquitto 2.1.2, its answers, its log and the file that it wrote in the end: ours are the same,
//! byte for byte. What no command changed has the hash of a password as it was; for the others `$7$hashed` stands.

use martlet_dynsec::{Connections, DynamicSecurity, PasswordHasher, Requester};

const BEFORE: &[u8] = include_bytes!("mosquitto/before.json");
const EXCHANGE: &str = include_str!("mosquitto/exchange.txt");
const LOG: &str = include_str!("mosquitto/log.txt");
const AFTER: &str = include_str!("mosquitto/after.json");

struct SameHash;

impl PasswordHasher for SameHash {
    fn hash(&mut self, _password: &[u8]) -> Option<String> {
        Some("$7$hashed".to_owned())
    }
}

struct OnlyAdmin;

impl Connections for OnlyAdmin {
    fn addresses(&self, user_name: &str) -> Vec<String> {
        if user_name == "admin" { vec!["127.0.0.1".to_owned()] } else { Vec::new() }
    }
}

#[test]
fn answers_log_and_file_are_those_of_mosquitto() {
    let (mut security, remarks) = DynamicSecurity::read(BEFORE).unwrap();
    assert_eq!(remarks, []);
    let requester = Requester { client_id: "ctrl-test", user_name: Some("admin") };
    let mut log = Vec::new();
    let mut lines = EXCHANGE.lines();
    while let (Some(request), Some(expected)) = (lines.next(), lines.next()) {
        let request = request.strip_prefix("> ").unwrap();
        let expected = expected.strip_prefix("< ").unwrap();
        let before = security.change_index();
        let outcome = security.handle(request.as_bytes(), requester, &mut SameHash, &OnlyAdmin);
        assert_eq!(String::from_utf8(outcome.response).unwrap(), expected, "{request}");
        assert_eq!(outcome.changed, security.change_index() > before, "{request}");
        // Of lists Mosquitto logs how many more there could have been, and it logs some changes of groups that it refused.
        let is_alike = |line: &String| !line.contains(" | list") && !line.contains(" | modifyGroup");
        log.extend(outcome.log.into_iter().filter(is_alike));
    }
    for (line, expected) in log.iter().zip(LOG.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(log.len(), LOG.lines().count());
    assert_eq!(String::from_utf8(security.to_file()).unwrap(), AFTER.trim_end());
}

#[test]
fn a_file_that_is_read_is_written_the_same() {
    let (security, remarks) = DynamicSecurity::read(AFTER.as_bytes()).unwrap();
    assert_eq!(remarks, []);
    assert_eq!(String::from_utf8(security.to_file()).unwrap(), AFTER.trim_end());
}
