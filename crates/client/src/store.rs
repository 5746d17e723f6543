//! Where a Session outlives the process: so that what was begun with QoS 1 and 2 is finished by the next one.
//!
//! Without a store a client keeps its Session as long as it runs, over any number of connections. With one, given by
//! [`Options::session_store`](crate::Options::session_store), the next process goes on where this one stopped, even where it
//! was killed. [`DirectoryStore`] keeps it in a directory, [`MemoryStore`] for the next client of the same process, and any
//! database can: see [`SessionStore`].
//!
//! ```no_run
//! use martlet_client::store::DirectoryStore;
//! use martlet_client::{Client, Options, QoS};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::tcp("localhost", 1883)
//!     .client_identifier("meter-7")
//!     .clean_start(false)
//!     .session_store(DirectoryStore::new("/var/lib/meter/session"));
//! let client = Client::connect(options).await?;
//! for publish in client.take_restored() {
//!     println!("still on its way: {:?}", publish.topic());
//! }
//! let mut completion = client.publish("meter/7", "21.5").qos(QoS::ExactlyOnce).enqueue().await?;
//! completion.stored().await?; // from here on it is published, whatever becomes of this process
//! completion.await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! There is one rule: **no byte is sent to the server before every change of the Session that was made before it is in the
//! store.** From it follows:
//!
//! | before this is sent | the store knows | so that the next process |
//! | --- | --- | --- |
//! | PUBLISH | [`OutgoingTaken`](SessionChange::OutgoingTaken) | sends it again, with DUP |
//! | PUBREL | [`OutgoingReceived`](SessionChange::OutgoingReceived) | sends PUBREL, never again PUBLISH |
//! | PUBREC | [`IncomingReceived`](SessionChange::IncomingReceived) | does not hand the message over again |
//! | PUBCOMP | [`IncomingReleased`](SessionChange::IncomingReleased) | takes another message under this identifier for a new one |
//! | anything on a new Session | [`IncomingLost`](SessionChange::IncomingLost) | forgets what belongs to the old one |
//!
//! A message that waits for a connection is in the store too. [`OutgoingFinished`](SessionChange::OutgoingFinished) is
//! not waited for when a publish completes: if the process dies at that moment, the next one repeats a message of QoS 1, which
//! may happen with that QoS, and only PUBREL of one of QoS 2, which does no harm.
//!
//! So with [`Options::clean_start`](crate::Options::clean_start) `false`, and as long as the server keeps its part of the
//! Session (see [`Options::session_expiry`](crate::Options::session_expiry)), a message of QoS 1 arrives at least once and one
//! of QoS 2 exactly once. Where the server lost the Session, what is unfinished is published anew, as after any reconnect: then
//! a message of QoS 2 may arrive twice.
//!
//! What the application has not acknowledged is not in the store: the server sends it again. A message of QoS 2 whose
//! acknowledgement the store has never comes again; between the moment at which an application acts on a message and that in
//! which its acknowledgement is stored a crash makes it come again.
//!
//! # When a store fails
//!
//! The publishes that it did not take fail with [`PublishError::NotStored`](crate::PublishError::NotStored). The connection is
//! given up, since what had to be sent next may not be sent; the [`State`](crate::State) tells why. All other changes are handed
//! in again when the client reconnects.

mod crc32;
mod directory;
mod error;
mod log;
mod memory;
mod shared;

pub use directory::DirectoryStore;
pub use error::StoreError;
pub use martlet_proto::client::{InvalidRecord, KeptMessage, SessionChange, StoredSession};
pub use memory::MemoryStore;
pub(crate) use shared::{Lease, SharedStore};

/// Keeps the Session of one client.
///
/// A client calls [`SessionStore::load`] once, and [`SessionStore::commit`] again and again, one call at a time, on threads
/// that may block. What comes while one batch is being stored goes into the next, so a call may take its time: many messages
/// share it.
///
/// A store can keep the changes as records, [`SessionChange::encode`], or keep what they add up to:
/// [`StoredSession::apply`].
///
/// ```
/// use martlet_client::store::{SessionChange, SessionStore, StoreError, StoredSession};
///
/// /// Keeps records in a list, as a database would in a table.
/// #[derive(Default)]
/// struct Records(Vec<Vec<u8>>);
///
/// impl SessionStore for Records {
///     fn load(&mut self, _client_identifier: &str) -> Result<StoredSession, StoreError> {
///         let mut session = StoredSession::default();
///         for record in &self.0 {
///             session.apply(&SessionChange::decode(record).map_err(StoreError::other)?);
///         }
///         Ok(session)
///     }
///
///     fn commit(&mut self, changes: &[SessionChange]) -> Result<(), StoreError> {
///         for change in changes {
///             let mut record = Vec::new();
///             change.encode(&mut record);
///             self.0.push(record);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait SessionStore: Send {
    /// The Session as all batches so far left it; an empty one at first.
    ///
    /// # Errors
    /// Why it cannot be read. [`StoreError::OtherClient`] if it belongs to another Client Identifier.
    fn load(&mut self, client_identifier: &str) -> Result<StoredSession, StoreError>;

    /// Stores a batch of changes, in their order: all of them or none. When it returns they outlive the process.
    ///
    /// # Errors
    /// Why the batch was not stored. What had to be published by it is given up, so none of it should come back in
    /// [`SessionStore::load`].
    fn commit(&mut self, changes: &[SessionChange]) -> Result<(), StoreError>;
}
