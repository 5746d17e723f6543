//! An MQTT client for applications.
//!
//! [`Client::connect`] opens a connection and starts a task that keeps it: it answers the Keep Alive, reconnects with
//! growing pauses, goes on with the Session, and subscribes again where the server lost it. A publish is a future that ends
//! with its acknowledgement; a subscription is a stream of its own. Nothing waits in memory without a bound: a publisher
//! waits for room, and a full stream stops the reading from the server.
//!
//! ```no_run
//! use martlet_client::{Client, Options, QoS};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(Options::tcp("localhost", 1883)).await?;
//! let mut lamps = client.subscribe("lamps/+/state").await?;
//! client.publish("lamps/7/set", "on").qos(QoS::ExactlyOnce).await?;
//! while let Some(message) = lamps.recv().await {
//!     println!("{}: {:?}", message.topic(), message.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`blocking`] has the same without `async`. [`dial`] opens just a way to a server, for programs that speak the protocol
//! themselves. The protocol itself
//! is [`martlet_proto`]'s; here are the sockets, the clock and the handles.
//!
//! # Cancel safety
//!
//! A future of this crate may be dropped before it is ready, as `tokio::select!` and timeouts do. What then happens:
//!
//! | dropped | means |
//! | --- | --- |
//! | [`Client::connect`], [`Client::resume`], [`Client::start`] | there is no client |
//! | [`Publish`], [`Publish::enqueue`] | published if it was handed over already, which nobody knows; else not |
//! | [`Completion`], [`Completion::stored`] | published all the same |
//! | [`Subscribe`] | the subscription is ended |
//! | [`Subscription::recv`], [`StateWatch::changed`], [`StateWatch::wait_for`] | nothing is lost: call it again |
//! | [`Client::unsubscribe`], [`Client::disconnect`], [`Client::reauthenticate`] | done all the same if it was handed over |
//! | [`Request`] | published as any other; its answer is dropped |
//!
//! To wait for a publish with a timeout and still learn its end, [`Publish::enqueue`] it and wait for `&mut completion`.
//!
//! # After a restart
//!
//! With a [`store`] the Session outlives the process: what was published with QoS 1 and 2 is finished by the next one.
//!
//! # Features
//!
//! - `tls`: TLS by rustls, for `mqtts://` (default)
//! - `native-certs`: the certificate authorities that the operating system trusts (default)
//! - `websocket`: `ws://`, and with `tls` also `wss://` (default)
//! - `socks`: ways through a SOCKS5 proxy
//! - `psk`: TLS with a pre-shared key, by OpenSSL, which has to be installed

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod address;
mod authentication;
pub mod blocking;
mod command;
mod error;
mod event_loop;
mod handle;
mod link;
mod mailbox;
mod message;
mod options;
mod properties;
mod publish;
mod reconnect;
mod request;
mod restored;
mod router;
mod state;
pub mod store;
mod subscription;
mod transport;
mod will;

pub use address::{Address, AddressError};
pub use authentication::{AuthenticationFailed, Authenticator};
pub use error::{
    AuthenticateError, ConnectError, DisconnectError, Lost, PublishError, ServerReason, SubscribeError,
    UnsubscribeError,
};
pub use handle::Client;
pub use link::Carrier;
pub use mailbox::{Overflow, SubscriptionEnd};
pub use message::Message;
pub use options::Options;
pub use properties::InvalidProperties;
pub use publish::{Completion, Publish, Published};
pub use reconnect::Reconnect;
pub use request::{Request, RequestError, Requester};
pub use restored::RestoredPublish;
pub use state::{Closed, Connection, State, StateWatch};
pub use subscription::{Subscribe, Subscription};
pub use transport::dial;
#[cfg(feature = "psk")]
pub use transport::psk::PskError;
#[cfg(feature = "socks")]
pub use transport::socks::{SocksError, SocksProxy};
#[cfg(feature = "tls")]
pub use transport::tls::{Tls, TlsError, TlsVersion};
pub use will::Will;

#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;

pub use martlet_proto::PeerMisbehaved;
pub use martlet_wire::{
    Properties, Property, ProtocolVersion, QoS, ReasonCode, RetainHandling, TopicError, TopicFilter,
    TopicName,
};
