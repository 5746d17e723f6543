//! CONNECT, made of the options.

use martlet_proto::client::Input;
use martlet_wire::{Connect, PacketType, Properties, Property, PropertyOwner, ProtocolVersion};

use super::EventLoop;
use crate::error::ConnectError;
use crate::options::Options;
use crate::will::{Will, seconds};

impl EventLoop {
    /// Begins a connection of the protocol: CONNECT is to be sent.
    pub(super) fn begin(&mut self) -> Result<(), ConnectError> {
        self.repeated = 0;
        let options = &*self.options;
        check_lengths(options)?;
        let is_first = self.is_first;
        let authenticator = options.authenticator.as_ref().filter(|_| options.version.has_properties());
        let (method, data) = authenticator
            .map(|authenticator| authenticator.with(|it| (it.method().to_owned(), it.begin())))
            .unwrap_or_default();
        let mut list = vec![Property::MaximumPacketSize(options.packet_size_bytes_max)];
        if options.version.has_properties() {
            list.push(Property::ReceiveMaximum(options.receive_maximum));
            list.push(Property::TopicAliasMaximum(options.topic_alias_maximum));
            list.push(Property::SessionExpiryInterval(seconds(options.session_expiry)));
        }
        if authenticator.is_some() {
            list.push(Property::AuthenticationMethod(&method));
        }
        if !data.is_empty() {
            list.push(Property::AuthenticationData(&data));
        }
        let owner = PropertyOwner::Packet(PacketType::Connect);
        let own = Properties::from_section(owner, options.properties.section());
        options.properties.check(owner).map_err(ConnectError::Properties)?;
        list.extend(own.unwrap_or_default());
        let connect = Connect {
            version: options.version,
            bridge: false,
            // Before 5.0 the flag also ends the Session with the connection, so there it stays what it is.
            clean_start: options.clean_start && (is_first || options.version < ProtocolVersion::Mqtt5),
            keep_alive: u16::try_from(seconds(options.keep_alive)).unwrap_or(u16::MAX),
            properties: Properties::list(&list),
            client_identifier: &self.client_identifier,
            will: options.will.as_ref().map(Will::packet).transpose()?,
            user_name: options.user_name.as_deref(),
            password: options.password.as_ref().map(|password| password.0.as_slice()),
        };
        self.protocol.connect(self.clock.now(), &connect).map_err(|error| {
            self.protocol.handle(self.clock.now(), Input::Closed);
            ConnectError::Encode(error)
        })
    }
}

/// Whether every option fits into its field.
fn check_lengths(options: &Options) -> Result<(), ConnectError> {
    let password = options.password.as_ref().map_or(0, |password| password.0.len());
    let fields = [
        ("client_identifier", options.client_identifier.len()),
        ("user_name", options.user_name.as_ref().map_or(0, String::len)),
        ("credentials", password),
    ];
    let too_long = fields.into_iter().find(|(_, len)| *len > usize::from(u16::MAX));
    too_long.map_or(Ok(()), |(option, _)| Err(ConnectError::TooLong { option }))
}
