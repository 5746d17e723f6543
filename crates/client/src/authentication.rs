//! Enhanced authentication of MQTT 5.0.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One side of a challenge and response, as a method of enhanced authentication defines it [MQTT-4.12.0-1].
///
/// The client calls it on its own task, so it has to answer at once. It is asked to begin anew on each connection.
///
/// ```
/// use martlet_client::{AuthenticationFailed, Authenticator};
///
/// /// A method in which the server sends a number, and the client answers with the next one.
/// struct NextNumber;
///
/// impl Authenticator for NextNumber {
///     fn method(&self) -> &str {
///         "NEXT-NUMBER"
///     }
///
///     fn begin(&mut self) -> Vec<u8> {
///         Vec::new()
///     }
///
///     fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, AuthenticationFailed> {
///         let &[number] = challenge else { return Err(AuthenticationFailed) };
///         Ok(vec![number.wrapping_add(1)])
///     }
/// }
/// ```
pub trait Authenticator: Send {
    /// The Authentication Method, the same on each call.
    fn method(&self) -> &str;

    /// Begins: the Authentication Data of CONNECT, or of the AUTH that begins a re-authentication. Empty means none.
    fn begin(&mut self) -> Vec<u8>;

    /// The answer to the Authentication Data of an AUTH from the server.
    ///
    /// # Errors
    /// [`AuthenticationFailed`] ends the connection.
    fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, AuthenticationFailed>;

    /// The server is content. Some methods prove the server to the client by this last Authentication Data.
    ///
    /// # Errors
    /// [`AuthenticationFailed`] ends the connection.
    fn finish(&mut self, data: &[u8]) -> Result<(), AuthenticationFailed> {
        let _ = data;
        Ok(())
    }
}

/// What the server sent is not what the method demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationFailed;

impl core::error::Error for AuthenticationFailed {}

impl fmt::Display for AuthenticationFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server did not authenticate as the method demands")
    }
}

/// An authenticator that the options share with the task.
#[derive(Clone)]
pub(crate) struct SharedAuthenticator(Arc<Mutex<dyn Authenticator>>);

impl SharedAuthenticator {
    pub(crate) fn new(authenticator: impl Authenticator + 'static) -> Self {
        Self(Arc::new(Mutex::new(authenticator)))
    }

    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut dyn Authenticator) -> R) -> R {
        act(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SharedAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}
