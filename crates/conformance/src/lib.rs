//! The statements of the standard as tests, each run twice from one body: on engines in memory with a clock that
//! the test moves, and over TCP against a broker in this process.
//!
//! [`statements!`] declares tests for both, [`statements_with!`] with another configuration,
//! [`statements_in_memory!`] those that need more time than a person has. A test gets a [`Broker`], opens a
//! [`Client`] or several, sends packets (of [`build`]) or bytes (of [`raw`]), and expects packets (of [`owned`]).
//!
//! Two shards stand behind every broker, and the Client Identifier decides which one has a client.

#![forbid(unsafe_code)]

mod access;
mod broker;
pub mod build;
mod client;
pub mod extra;
mod memory;
pub mod owned;
pub mod random;
pub mod raw;
mod server;
mod socket;
pub mod web;

pub use access::TestAccess;
pub use broker::{Broker, Setup, Transport, run};
pub use client::{Client, HELPER_IDS_BEGIN};

/// What nearly every test needs.
pub mod prelude {
    pub use core::time::Duration;

    pub use martlet_wire::{
        Packet, Property, ProtocolVersion, QoS, ReasonCode, RetainHandling, SubscriptionOptions,
    };

    pub use crate::build::{
        auth, connect5, connect31, connect311, disconnect, options, packet_id, puback, pubcomp, publish,
        pubrec, pubrel, subscribe, topic_name, unsubscribe,
    };
    pub use crate::owned::{OwnedPacket, OwnedProperty, OwnedPublish};
    pub use crate::{
        Broker, Client, Setup, TestAccess, raw, statements, statements_in_memory, statements_with,
    };
}

/// Declares tests that run in memory (`NAME::memory`) and over a socket (`NAME::socket`).
///
/// ```ignore
/// statements! {
///     /// Covers: MQTT-3.1.0-2
///     fn mqtt5_3_1_0_2_a_second_connect_is_a_protocol_error(broker: &mut Broker) {
///         let mut client = broker.connect(connect5("a"));
///         client.send(&connect5("a").packet());
///         client.expect_disconnect(ReasonCode::ProtocolError);
///     }
/// }
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* fn $name:ident($broker:ident: &mut Broker) $body:block)*) => {
        $crate::statements_with! { |_setup| {} $($(#[$meta])* fn $name($broker: &mut Broker) $body)* }
    };
}

/// Declares tests as [`statements!`] does, on a broker whose [`Setup`] was edited first.
///
/// ```ignore
/// statements_with! {
///     |setup| {
///         setup.features.maximum_qos = QoS::AtLeastOnce; // a field of martlet_engine::Config
///         setup.access = true;                           // and with the rules of TestAccess
///     }
///     fn mqtt5_3_2_2_9_maximum_qos_is_announced(broker: &mut Broker) { .. }
/// }
/// ```
#[macro_export]
macro_rules! statements_with {
    (|$setup:ident| $edit:block $($(#[$meta:meta])* fn $name:ident($broker:ident: &mut Broker) $body:block)*) => {
        $crate::statements_with! { @each |$setup| $edit $([$(#[$meta])* fn $name($broker) $body])* }
    };
    (@each |$setup:ident| $edit:block $first:tt $($rest:tt)*) => {
        $crate::statements_with! { @one |$setup| $edit $first }
        $crate::statements_with! { @each |$setup| $edit $($rest)* }
    };
    (@each |$setup:ident| $edit:block) => {};
    (@one |$setup:ident| $edit:block [$(#[$meta:meta])* fn $name:ident($broker:ident) $body:block]) => {
        $(#[$meta])*
        fn $name(transport: $crate::Transport) {
            $crate::run(
                transport,
                |$setup: &mut $crate::Setup| $edit,
                |$broker: &mut $crate::Broker| $body,
            );
        }

        mod $name {
            #[test]
            fn memory() {
                super::$name($crate::Transport::Memory);
            }

            #[test]
            fn socket() {
                super::$name($crate::Transport::Socket);
            }
        }
    };
}

/// Declares tests that run in memory only (`NAME::memory`), where hours pass at once.
///
/// The setup may be edited as with [`statements_with!`].
#[macro_export]
macro_rules! statements_in_memory {
    (|$setup:ident| $edit:block $($(#[$meta:meta])* fn $name:ident($broker:ident: &mut Broker) $body:block)*) => {
        $crate::statements_in_memory! { @each |$setup| $edit $([$(#[$meta])* fn $name($broker) $body])* }
    };
    (@each |$setup:ident| $edit:block $first:tt $($rest:tt)*) => {
        $crate::statements_in_memory! { @one |$setup| $edit $first }
        $crate::statements_in_memory! { @each |$setup| $edit $($rest)* }
    };
    (@each |$setup:ident| $edit:block) => {};
    (@one |$setup:ident| $edit:block [$(#[$meta:meta])* fn $name:ident($broker:ident) $body:block]) => {
        $(#[$meta])*
        fn $name(transport: $crate::Transport) {
            $crate::run(
                transport,
                |$setup: &mut $crate::Setup| $edit,
                |$broker: &mut $crate::Broker| $body,
            );
        }

        mod $name {
            #[test]
            fn memory() {
                super::$name($crate::Transport::Memory);
            }
        }
    };
    ($($(#[$meta:meta])* fn $name:ident($broker:ident: &mut Broker) $body:block)*) => {
        $crate::statements_in_memory! { |_setup| {} $($(#[$meta])* fn $name($broker: &mut Broker) $body)* }
    };
}
