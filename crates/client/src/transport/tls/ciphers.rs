//! Lists of ciphers in OpenSSL's notation, for the ciphers that rustls has.
//!
//! A list is a row of words between colons, commas or spaces. A word is a cipher's name, a group, or several of them joined
//! by `+`, which means what they have in common. It adds what is not there yet at the end; with `-` before it it takes
//! away, with `!` for good, and with `+` it moves to the end. `@STRENGTH` sorts by the length of the keys.

use tokio_rustls::rustls::crypto::ring::{ALL_CIPHER_SUITES, cipher_suite};
use tokio_rustls::rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use super::TlsError;

/// A cipher of TLS 1.2.
struct Cipher {
    name: &'static str,
    /// The groups that only some are in.
    groups: &'static [&'static str],
    key_bits: u16,
    suite: SupportedCipherSuite,
}

/// The groups that all of them are in.
const COMMON: [&str; 10] =
    ["ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH", "ECDH", "AEAD"];

const RSA_AES256: &[&str] = &["aRSA", "AES256", "AES", "AESGCM"];
const RSA_AES128: &[&str] = &["aRSA", "AES128", "AES", "AESGCM"];
const RSA_CHACHA: &[&str] = &["aRSA", "CHACHA20"];
const ECDSA_AES256: &[&str] = &["aECDSA", "ECDSA", "AES256", "AES", "AESGCM"];
const ECDSA_AES128: &[&str] = &["aECDSA", "ECDSA", "AES128", "AES", "AESGCM"];
const ECDSA_CHACHA: &[&str] = &["aECDSA", "ECDSA", "CHACHA20"];

/// In the order of OpenSSL's defaults.
const CIPHERS: [Cipher; 6] = [
    cipher(
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        ECDSA_AES256,
        256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    cipher(
        "ECDHE-RSA-AES256-GCM-SHA384",
        RSA_AES256,
        256,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    cipher(
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        ECDSA_CHACHA,
        256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    cipher(
        "ECDHE-RSA-CHACHA20-POLY1305",
        RSA_CHACHA,
        256,
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    cipher(
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        ECDSA_AES128,
        128,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    cipher(
        "ECDHE-RSA-AES128-GCM-SHA256",
        RSA_AES128,
        128,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
];

const fn cipher(
    name: &'static str,
    groups: &'static [&'static str],
    key_bits: u16,
    suite: SupportedCipherSuite,
) -> Cipher {
    Cipher { name, groups, key_bits, suite }
}

impl Cipher {
    /// Whether it is meant by one part of a word: its name, the standard's name for it, or a group.
    fn is_meant_by(&self, part: &str) -> bool {
        part == self.name
            || self.suite.suite().as_str() == Some(part)
            || COMMON.contains(&part)
            || self.groups.contains(&part)
    }
}

/// The suites of a list: those of TLS 1.3, and those of TLS 1.2 that the list selects, in its order.
pub(super) fn suites(list: &str) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let mut selected: Vec<&Cipher> = Vec::new();
    let mut banned: Vec<&str> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        let (action, word) = match word.as_bytes()[0] {
            sign @ (b'!' | b'-' | b'+' | b'@') => (sign, &word[1..]),
            _ => (b' ', word),
        };
        let is_meant = |cipher: &Cipher| word.split('+').all(|part| cipher.is_meant_by(part));
        match action {
            b'@' => selected.sort_by_key(|cipher| core::cmp::Reverse(cipher.key_bits)),
            b'+' => selected.sort_by_key(|cipher| is_meant(cipher)),
            b'-' => selected.retain(|cipher| !is_meant(cipher)),
            b'!' => {
                selected.retain(|cipher| !is_meant(cipher));
                banned.extend(CIPHERS.iter().filter(|cipher| is_meant(cipher)).map(|cipher| cipher.name));
            }
            _ => {
                for cipher in CIPHERS.iter().filter(|cipher| is_meant(cipher)) {
                    let is_new = selected.iter().all(|other| other.name != cipher.name);
                    if is_new && !banned.contains(&cipher.name) {
                        selected.push(cipher);
                    }
                }
            }
        }
    }
    if selected.is_empty() {
        return Err(TlsError::NoCipher { list: list.to_owned() });
    }
    let newer = ALL_CIPHER_SUITES.iter().copied().filter(|suite| is_of(*suite, &version::TLS13));
    Ok(newer.chain(selected.into_iter().map(|cipher| cipher.suite)).collect())
}

fn is_of(suite: SupportedCipherSuite, version: &SupportedProtocolVersion) -> bool {
    suite.version().version == version.version
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the ciphers of TLS 1.2 that a list selects.
    fn names(list: &str) -> Vec<&'static str> {
        let suites = suites(list).unwrap();
        assert_eq!(suites.iter().filter(|suite| is_of(**suite, &version::TLS13)).count(), 3);
        let name = |suite: &SupportedCipherSuite| {
            CIPHERS.iter().find(|cipher| cipher.suite == *suite).map(|cipher| cipher.name)
        };
        suites.iter().filter_map(name).collect()
    }

    #[test]
    fn names_select_in_their_order() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:no-such-cipher:ECDHE-ECDSA-AES256-GCM-SHA384"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
        );
        assert_eq!(names("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
    }

    #[test]
    fn groups_select_and_signs_take_away() {
        assert_eq!(names("DEFAULT").len(), 6);
        assert_eq!(names("HIGH:!aNULL:!aECDSA:!CHACHA20").len(), 2);
        assert_eq!(names("ALL:-AES256:AES256+aRSA").last(), Some(&"ECDHE-RSA-AES256-GCM-SHA384"));
        assert_eq!(names("ALL:!AES256:AES256").len(), 4);
        assert_eq!(
            names("ALL:+AES256")[..2],
            ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"]
        );
        assert_eq!(names("AES128,AES256 @STRENGTH")[0], "ECDHE-ECDSA-AES256-GCM-SHA384");
    }

    #[test]
    fn a_list_that_leaves_nothing_is_an_error() {
        for list in ["", "RC4", "ALL:!ALL", "AES128+AES256"] {
            assert!(matches!(suites(list), Err(TlsError::NoCipher { .. })), "{list}");
        }
    }
}
