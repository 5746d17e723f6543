//! Cipher suites by the names that OpenSSL has for them.

use core::fmt;

use rustls::crypto::ring::cipher_suite as suites;
use rustls::{CipherSuite, SupportedCipherSuite};

/// A suite of TLS 1.2, and the keywords of OpenSSL that mean it among others.
struct Suite {
    name: &'static str,
    supported: SupportedCipherSuite,
    keywords: &'static [&'static str],
}

/// In the order in which OpenSSL prefers them.
static TLS12: [Suite; 6] = [
    Suite {
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        supported: suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        keywords: &["aECDSA", "ECDSA", "AES", "AES256", "AESGCM", "SHA384"],
    },
    Suite {
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        supported: suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        keywords: &["aRSA", "AES", "AES256", "AESGCM", "SHA384"],
    },
    Suite {
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        supported: suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        keywords: &["aECDSA", "ECDSA", "CHACHA20"],
    },
    Suite {
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        supported: suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        keywords: &["aRSA", "CHACHA20"],
    },
    Suite {
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        supported: suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        keywords: &["aECDSA", "ECDSA", "AES", "AES128", "AESGCM", "SHA256"],
    },
    Suite {
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        supported: suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        keywords: &["aRSA", "AES", "AES128", "AESGCM", "SHA256"],
    },
];

/// Keywords that mean every suite of [`TLS12`].
const ALL_KEYWORDS: [&str; 8] = ["ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH"];

/// The suites of TLS 1.3, in the order in which OpenSSL prefers them.
static TLS13: [(&str, SupportedCipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", suites::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", suites::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_128_GCM_SHA256", suites::TLS13_AES_128_GCM_SHA256),
];

/// Suites of TLS 1.3 that OpenSSL has and rustls has not.
const TLS13_MISSING: [&str; 2] = ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"];

/// What the names of OpenSSL's suites are made of, and its keywords: whatever is made of these is no mistake, although
/// it may mean nothing that rustls has.
const VOCABULARY: &str = "\
    3DES ADH AECDH AES AES128 AES256 AESCCM AESCCM8 AESGCM ARIA ARIA128 ARIA256 ARIAGCM CAMELLIA CAMELLIA128 \
    CAMELLIA256 CBC CBC3 CCM CCM8 CHACHA20 COMPLEMENTOFALL COMPLEMENTOFDEFAULT DES DH DHE DSS ECDH ECDHE ECDSA EDH \
    EECDH ENULL EXP EXPORT EXPORT40 EXPORT56 FIPS GCM GOST GOST89 GOST94 GOST2001 GOST2012 IDEA LOW MD5 MEDIUM NULL \
    POLY1305 PSK RC2 RC4 RSA SEED SHA SHA1 SHA256 SHA384 SRP SSLv2 SSLv3 TLSv1 TLSv1.0 TLSv1.1 TLSv1.2 aDH aDSS \
    aECDH aECDSA aGOST aGOST01 aNULL aPSK aRSA aSRP eNULL kDH kDHE kDHEPSK kDHd kDHr kECDH kECDHE kECDHEPSK kECDHe \
    kECDHr kEDH kEECDH kGOST kPSK kRSA kRSAPSK kSRP";

/// A list of cipher suites that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CipherError {
    /// Neither a suite nor a keyword of OpenSSL.
    Unknown {
        /// What it is.
        name: String,
        /// Whether it was to be a suite of TLS 1.3.
        is_tls13: bool,
    },
    /// Nothing that the list names is there.
    Empty {
        /// Whether they were to be suites of TLS 1.3.
        is_tls13: bool,
    },
}

impl core::error::Error for CipherError {}

impl fmt::Display for CipherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_tls13 = match self {
            Self::Unknown { name, is_tls13 } => {
                write!(f, "{name:?} is no cipher suite; there are ")?;
                *is_tls13
            }
            Self::Empty { is_tls13 } => {
                write!(f, "none of these cipher suites is there; there are ")?;
                *is_tls13
            }
        };
        let names: Vec<&str> = if is_tls13 {
            TLS13.iter().map(|(name, _)| *name).collect()
        } else {
            TLS12.iter().map(|suite| suite.name).collect()
        };
        write!(f, "{}", names.join(":"))
    }
}

/// Suites that were chosen.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chosen {
    pub(super) suites: Vec<SupportedCipherSuite>,
    /// What of the list means nothing here, although OpenSSL knows it.
    pub(super) missing: Vec<String>,
}

/// All suites of TLS 1.2.
pub(super) fn all_tls12() -> Vec<SupportedCipherSuite> {
    TLS12.iter().map(|suite| suite.supported).collect()
}

/// All suites of TLS 1.3.
pub(super) fn all_tls13() -> Vec<SupportedCipherSuite> {
    TLS13.iter().map(|(_, suite)| *suite).collect()
}

/// Reads a list of suites of TLS 1.2 as OpenSSL's `ciphers` command does: names and keywords, `A+B` for what both mean,
/// `!` to leave out for good, `-` to leave out unless it comes again, `+` to move to the end.
pub(super) fn choose_tls12(list: &str) -> Result<Chosen, CipherError> {
    let mut chosen: Vec<&Suite> = Vec::new();
    let mut banned: Vec<&str> = Vec::new();
    let mut missing = Vec::new();
    for term in terms(list).filter(|term| !term.starts_with('@')) {
        let (sign, words) = match term.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), words)) => (sign, words),
            _ => ("", term),
        };
        let meant: Vec<&Suite> = TLS12.iter().filter(|suite| words.split('+').all(|w| suite.is(w))).collect();
        if meant.is_empty() && sign.is_empty() {
            if !words.split(['+', '-']).all(|word| VOCABULARY.split(' ').any(|known| known == word)) {
                return Err(CipherError::Unknown { name: words.to_owned(), is_tls13: false });
            }
            missing.push(words.to_owned());
        }
        let is_meant = |suite: &&Suite| meant.iter().any(|one| one.name == suite.name);
        match sign {
            "!" => banned.extend(meant.iter().map(|suite| suite.name)),
            "-" => chosen.retain(|suite| !is_meant(suite)),
            "+" => {
                let (moved, kept): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_meant);
                chosen = [kept, moved].concat();
            }
            _ => {
                let new = meant.into_iter().filter(|suite| chosen.iter().all(|one| one.name != suite.name));
                let new: Vec<&Suite> = new.collect();
                chosen.extend(new);
            }
        }
    }
    chosen.retain(|suite| !banned.contains(&suite.name));
    if chosen.is_empty() {
        return Err(CipherError::Empty { is_tls13: false });
    }
    Ok(Chosen { suites: chosen.into_iter().map(|suite| suite.supported).collect(), missing })
}

/// Reads a list of suites of TLS 1.3.
pub(super) fn choose_tls13(list: &str) -> Result<Chosen, CipherError> {
    let mut chosen = Chosen::default();
    for term in terms(list) {
        if let Some((_, suite)) = TLS13.iter().find(|(name, _)| *name == term) {
            if !chosen.suites.contains(suite) {
                chosen.suites.push(*suite);
            }
        } else if TLS13_MISSING.contains(&term) {
            chosen.missing.push(term.to_owned());
        } else {
            return Err(CipherError::Unknown { name: term.to_owned(), is_tls13: true });
        }
    }
    if chosen.suites.is_empty() { Err(CipherError::Empty { is_tls13: true }) } else { Ok(chosen) }
}

fn terms(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ' ']).filter(|term| !term.is_empty())
}

impl Suite {
    /// Whether a word, its name or a keyword, means this suite.
    fn is(&self, word: &str) -> bool {
        self.name == word || self.keywords.contains(&word) || ALL_KEYWORDS.contains(&word)
    }
}

/// The name that OpenSSL has for a suite.
pub(super) fn name(suite: CipherSuite) -> Option<&'static str> {
    let tls12 = TLS12.iter().map(|suite| (suite.name, suite.supported));
    tls12.chain(TLS13).find(|(_, known)| known.suite() == suite).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<&'static str>, CipherError> {
        choose_tls12(list)
            .map(|chosen| chosen.suites.iter().map(|suite| name(suite.suite()).unwrap()).collect())
    }

    #[test]
    fn every_suite_of_the_library_has_a_name() {
        for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
            assert!(name(suite.suite()).is_some(), "{suite:?}");
        }
        assert_eq!(all_tls12().len() + all_tls13().len(), rustls::crypto::ring::ALL_CIPHER_SUITES.len());
    }

    #[test]
    fn names_keep_their_order() {
        let list = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
        assert_eq!(names(list).unwrap(), list.split(':').collect::<Vec<_>>());
    }

    #[test]
    fn keywords_mean_what_they_mean_to_openssl() {
        let all: Vec<&str> = TLS12.iter().map(|suite| suite.name).collect();
        assert_eq!(names("DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!SSLv2:@STRENGTH").unwrap(), all);
        assert_eq!(names("HIGH").unwrap(), all);
        assert_eq!(
            names("ECDHE+AESGCM:!aECDSA").unwrap(),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            names("CHACHA20 aRSA+AES128").unwrap(),
            ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(names("ALL:-AESGCM:AES128").unwrap().len(), 4);
        assert_eq!(names("ALL:+AES256").unwrap()[4..], all[..2]);
        assert_eq!(names("!AES:ALL").unwrap(), all[2..4], "banned for good");
    }

    #[test]
    fn what_rustls_has_not_is_told_and_what_nobody_has_is_an_error() {
        let chosen = choose_tls12("ECDHE-RSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:PSK:HIGH").unwrap();
        assert_eq!(chosen.missing, ["ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384", "PSK"]);
        assert_eq!(chosen.suites.len(), 6);
        let text = choose_tls12("HIGH:ECDHE-RSA-AES256-GCM-SHA3840").unwrap_err().to_string();
        assert!(
            text.starts_with("\"ECDHE-RSA-AES256-GCM-SHA3840\" is no cipher suite; there are ECDHE-"),
            "{text}"
        );
        assert_eq!(choose_tls12("PSK").unwrap_err(), CipherError::Empty { is_tls13: false });
        assert_eq!(choose_tls12("").unwrap_err(), CipherError::Empty { is_tls13: false });
    }

    #[test]
    fn suites_of_tls_1_3_are_named_one_by_one() {
        let chosen = choose_tls13("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256").unwrap();
        assert_eq!(chosen.suites, [suites::TLS13_AES_128_GCM_SHA256]);
        assert_eq!(chosen.missing, ["TLS_AES_128_CCM_SHA256"]);
        let text = choose_tls13("HIGH").unwrap_err().to_string();
        assert!(text.ends_with("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"));
    }
}
