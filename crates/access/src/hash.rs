//! The three ways to hash a password.
//!
//! * `$7$ITERATIONS$SALT$HASH`: PBKDF2 with HMAC-SHA-512, base64 with padding.
//! * `$6$SALT$HASH`: SHA-512 of password and salt, once. For old brokers only: it is guessed fast.
//! * `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH`: Argon2id, base64 without padding.

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest as _, Sha512};

/// Iterations unless `-I` says otherwise.
pub const PBKDF2_ITERATIONS: u32 = 1_000;

const SHA512_BYTES: usize = 64;
/// What every version of Mosquitto reads.
const SHA512_SALT_BYTES: usize = 12;
const ARGON2_SALT_BYTES: usize = 16;
const ARGON2_HASH_BYTES: usize = 32;
/// Memory in KiB, passes and lanes, as OWASP recommends.
const ARGON2_COST: (u32, u32, u32) = (47_104, 1, 1);
/// The longest hash and salt that are compared, in bytes.
const FIELD_BYTES_MAX: usize = 1_024;

/// How a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Argon2id.
    Argon2id,
    /// PBKDF2 with HMAC-SHA-512.
    Sha512Pbkdf2 {
        /// From 1.
        iterations: u32,
    },
    /// SHA-512 with a salt.
    Sha512,
}

/// A password could not be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// The system gave no random numbers for the salt.
    NoRandomness,
    /// Argon2 found no memory.
    OutOfMemory,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => "Insufficient entropy available to perform password generation",
            Self::OutOfMemory => "Out of memory",
        })
    }
}

impl core::error::Error for HashError {}

/// Hashes a password with a fresh salt.
///
/// # Errors
/// Every variant of [`HashError`].
pub fn hash(scheme: Scheme, password: &[u8]) -> Result<String, HashError> {
    match scheme {
        Scheme::Argon2id => {
            let salt = salt::<ARGON2_SALT_BYTES>()?;
            let (memory, passes, lanes) = ARGON2_COST;
            let hash = argon2id(Version::V0x13, ARGON2_COST, password, &salt, ARGON2_HASH_BYTES)
                .ok_or(HashError::OutOfMemory)?;
            let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
            Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
        }
        Scheme::Sha512Pbkdf2 { iterations } => {
            let salt = salt::<SHA512_SALT_BYTES>()?;
            let hash = pbkdf2(password, &salt, iterations, SHA512_BYTES);
            Ok(format!("$7${iterations}${}${}", STANDARD.encode(salt), STANDARD.encode(hash)))
        }
        Scheme::Sha512 => {
            let salt = salt::<SHA512_SALT_BYTES>()?;
            let hash = sha512(password, &salt);
            Ok(format!("$6${}${}", STANDARD.encode(salt), STANDARD.encode(hash)))
        }
    }
}

/// Whether the hash is one of this password. A text that is no hash of the three kinds is none of any password.
///
/// Takes as long as the hash's own costs say; the comparison takes equally long wherever the difference is.
pub fn verify(hash: &str, password: &[u8]) -> bool {
    PasswordHash::parse(hash).is_some_and(|hash| hash.is_of(password))
}

/// A hash of a password that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    kind: Kind,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// How a password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argon2id { is_old: bool, cost: (u32, u32, u32) },
    Pbkdf2 { iterations: u32 },
    Sha512,
}

impl PasswordHash {
    /// Reads a hash. `None` for a text that is none of the three kinds.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.trim_end().strip_prefix('$')?.split('$');
        let kind = match fields.next()? {
            "6" => Kind::Sha512,
            "7" => {
                let iterations = fields.next()?.parse().ok().filter(|iterations| *iterations > 0)?;
                Kind::Pbkdf2 { iterations }
            }
            "argon2id" => {
                let is_old = match fields.next()? {
                    "v=19" => false,
                    "v=16" => true,
                    _ => return None,
                };
                Kind::Argon2id { is_old, cost: argon2_cost(fields.next()?)? }
            }
            _ => return None,
        };
        let (salt, hash) = (decode(fields.next()?)?, decode(fields.next()?)?);
        let is_whole = fields.next().is_none() && !hash.is_empty();
        let hash = Self { kind, salt, hash };
        (is_whole && hash.is_possible()).then_some(hash)
    }

    /// Whether a password could have such a hash at all.
    fn is_possible(&self) -> bool {
        match self.kind {
            Kind::Sha512 | Kind::Pbkdf2 { .. } => self.hash.len() == SHA512_BYTES,
            Kind::Argon2id { cost: (memory, passes, lanes), .. } => {
                self.salt.len() >= argon2::MIN_SALT_LEN
                    && Params::new(memory, passes, lanes, Some(self.hash.len())).is_ok()
            }
        }
    }

    /// Whether it is the hash of this password. Takes as long as its own costs say; the comparison takes equally long wherever
    /// the difference is.
    pub fn is_of(&self, password: &[u8]) -> bool {
        let computed = match self.kind {
            Kind::Sha512 => Some(sha512(password, &self.salt)),
            Kind::Pbkdf2 { iterations } => Some(pbkdf2(password, &self.salt, iterations, self.hash.len())),
            Kind::Argon2id { is_old, cost } => {
                let version = if is_old { Version::V0x10 } else { Version::V0x13 };
                argon2id(version, cost, password, &self.salt, self.hash.len())
            }
        };
        computed.is_some_and(|computed| same(&self.hash, &computed))
    }
}

// By hand, since whoever has the hash can guess at the password.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn argon2_cost(field: &str) -> Option<(u32, u32, u32)> {
    let mut parts = field.split(',');
    let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse().ok();
    let cost = (number("m=")?, number("t=")?, number("p=")?);
    parts.next().is_none().then_some(cost)
}

fn argon2id(
    version: Version,
    (memory, passes, lanes): (u32, u32, u32),
    password: &[u8],
    salt: &[u8],
    bytes: usize,
) -> Option<Vec<u8>> {
    let params = Params::new(memory, passes, lanes, Some(bytes)).ok()?;
    let mut hash = vec![0; bytes];
    Argon2::new(Algorithm::Argon2id, version, params).hash_password_into(password, salt, &mut hash).ok()?;
    Some(hash)
}

fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32, bytes: usize) -> Vec<u8> {
    let mut hash = vec![0; bytes];
    pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut hash);
    hash
}

fn sha512(password: &[u8], salt: &[u8]) -> Vec<u8> {
    Sha512::new().chain_update(password).chain_update(salt).finalize().to_vec()
}

fn salt<const BYTES: usize>() -> Result<[u8; BYTES], HashError> {
    let mut salt = [0; BYTES];
    getrandom::fill(&mut salt).map_err(|_| HashError::NoRandomness)?;
    Ok(salt)
}

/// Base64, with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    (bytes.len() <= FIELD_BYTES_MAX).then_some(bytes)
}

fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |bits, (one, other)| bits | (one ^ other));
    one.len() == other.len() && core::hint::black_box(differences) == 0
}
