//! The beginning of a connection: CONNECT, and what follows its CONNACK.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_wire::{
    ConnAck, Connect, Delivery, Packet, PacketId, PacketType, Properties, Property, ProtocolVersion, Publish,
    QoS, ReasonCode, RetainHandling, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions,
    TopicFilter, TopicFilters, TopicName, Unsubscribe, Will,
};

use super::{End, NEAR, Own, Relay};
use crate::bridges::NearEnd;
use crate::notice::{Notice, Refusal};
use crate::options::BridgeOptions;

/// The payloads of the message that tells whether a bridge is connected.
pub(crate) const CONNECTED: &[u8] = b"1";
pub(crate) const NOT_CONNECTED: &[u8] = b"0";

/// The identifiers of the near end's own packets. Its messages come from the other broker, and no packet of these kinds does.
const UNSUBSCRIBE_ID: PacketId = PacketId::MIN;
const SUBSCRIBE_ID: PacketId = PacketId::MIN;

/// How long this broker keeps a Session that ends with the connection while the other broker decides, in seconds.
const EARLY_EXPIRY_INTERVAL: u32 = 60;

/// The packets by which a near end begins: its CONNECT, and its subscriptions.
pub(crate) struct NearOpening<'a> {
    pub(crate) options: &'a BridgeOptions,
    /// Whether another near end of the same Session follows this one, or has followed it.
    pub(crate) clean_start: bool,
    pub(crate) expiry_interval: u32,
    pub(crate) receive_maximum: u16,
    pub(crate) packet_size_bytes_max: u32,
    pub(crate) retain_handling: RetainHandling,
    /// Filters that an earlier connection had.
    pub(crate) before: &'a [String],
}

impl NearOpening<'_> {
    /// Writes them.
    ///
    /// # Errors
    /// [`End::Unsayable`].
    pub(crate) fn write(&self, to_near: &mut Vec<u8>) -> Result<(), End> {
        let options = self.options;
        let mut properties = Vec::new();
        if self.expiry_interval > 0 {
            properties.push(Property::SessionExpiryInterval(self.expiry_interval));
        }
        properties.extend(NonZeroU16::new(self.receive_maximum).map(Property::ReceiveMaximum));
        properties.extend(NonZeroU32::new(self.packet_size_bytes_max).map(Property::MaximumPacketSize));
        let connect = Connect {
            version: NEAR,
            bridge: false,
            clean_start: self.clean_start,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier: &options.near_client_identifier,
            will: None,
            user_name: options.near_user_name.as_deref(),
            password: None,
        };
        Packet::Connect(connect).encode(NEAR, to_near)?;
        let filters = options.topics.near_filters();
        let is_gone = |filter: &&String| !filters.iter().any(|(other, _)| other == filter);
        let gone: Vec<_> =
            self.before.iter().filter(is_gone).filter_map(|it| TopicFilter::parse(it).ok()).collect();
        if !gone.is_empty() {
            let (id, filters) = (UNSUBSCRIBE_ID, TopicFilters::list(&gone));
            let unsubscribe = Unsubscribe { id, properties: Properties::EMPTY, filters };
            Packet::Unsubscribe(unsubscribe).encode(NEAR, to_near)?;
        }
        let requests: Vec<_> =
            filters.iter().filter_map(|(filter, qos)| self.request(filter, *qos)).collect();
        if !requests.is_empty() {
            let (id, requests) = (SUBSCRIBE_ID, SubscribeRequests::list(&requests));
            Packet::Subscribe(Subscribe { id, properties: Properties::EMPTY, requests })
                .encode(NEAR, to_near)?;
        }
        Ok(())
    }

    fn request<'f>(&self, filter: &'f str, maximum_qos: QoS) -> Option<SubscribeRequest<'f>> {
        let filter = TopicFilter::parse(filter).ok()?;
        let options = SubscriptionOptions {
            maximum_qos,
            no_local: filter.share().is_none(),
            retain_as_published: true,
            retain_handling: self.retain_handling,
        };
        Some(SubscribeRequest { filter, options })
    }
}

impl<'a> NearOpening<'a> {
    /// One that only listens.
    pub(crate) const fn early(options: &'a BridgeOptions) -> Self {
        Self {
            options,
            clean_start: options.near_clean_start,
            expiry_interval: if options.near_clean_start { EARLY_EXPIRY_INTERVAL } else { u32::MAX },
            receive_maximum: 1,
            packet_size_bytes_max: 0,
            retain_handling: RetainHandling::DoNotSend,
            before: &[],
        }
    }
}

impl Relay {
    /// The near end listens: what comes at QoS 0 from the moment on that the other broker is reached is kept, and all else waits
    /// in its Session.
    pub(super) fn listen(&mut self) -> Result<(), End> {
        self.near_end = Some(NearEnd { last_packet_id: 0, has_new_session: false, takes_messages: false });
        NearOpening::early(&self.options).write(&mut self.to_near)
    }

    pub(super) fn connect(&mut self) -> Result<(), End> {
        let options = &*self.options;
        let version = self.far.version;
        let mut properties = Vec::new();
        if version.has_properties() {
            if options.topic_alias_maximum > 0 {
                properties.push(Property::TopicAliasMaximum(options.topic_alias_maximum));
            }
            if options.session_expiry_interval > 0 {
                properties.push(Property::SessionExpiryInterval(options.session_expiry_interval));
            }
            properties.extend(NonZeroU16::new(options.receive_maximum).map(Property::ReceiveMaximum));
        }
        let will = options.far_notifications().and_then(|it| {
            let (qos, retain) = self.memory.will();
            let topic = TopicName::parse(&it.topic).ok()?;
            Some(Will { topic, payload: NOT_CONNECTED, qos, retain, properties: Properties::EMPTY })
        });
        let connect = Connect {
            version,
            bridge: self.memory.says_bridge(options),
            clean_start: options.clean_start,
            keep_alive: options.keep_alive,
            properties: Properties::list(&properties),
            client_identifier: &options.far_client_identifier,
            will,
            user_name: options.far_user_name.as_deref(),
            password: options.far_password.as_deref(),
        };
        Ok(Packet::Connect(connect).encode(version, &mut self.to_far)?)
    }

    /// CONNACK came.
    pub(super) fn connected(&mut self, connack: &ConnAck<'_>) -> Result<(), End> {
        if connack.reason != ReasonCode::Success {
            return Err(self.refused(connack));
        }
        self.far.connack(connack, u16::MAX, 0);
        let (version, session_present) = (self.far.version, connack.session_present);
        self.notices.push(Notice::Connected { version, session_present });
        self.notify()?;
        self.ask_far()?;
        // 3.1 does not say whether the Session is there.
        let tells = version != ProtocolVersion::Mqtt31;
        self.near_end = Some(NearEnd {
            last_packet_id: self.memory.last_packet_id,
            has_new_session: self.options.clean_start || (tells && !session_present),
            takes_messages: true,
        });
        // The message of its own that is on the way takes a place of the other broker's Receive Maximum, if there is more than one.
        let own = u16::from(self.has_own_message());
        let opening = NearOpening {
            options: &self.options,
            clean_start: false,
            expiry_interval: if self.options.near_clean_start { 0 } else { u32::MAX },
            receive_maximum: self.far.inflight_messages_max.saturating_sub(own).max(1),
            packet_size_bytes_max: self.packet_size_bytes_max(),
            retain_handling: RetainHandling::SendAtSubscribe,
            before: &self.memory.near_filters,
        };
        opening.write(&mut self.to_near)?;
        let filters = self.options.topics.near_filters();
        self.memory.near_filters = filters.into_iter().map(|(filter, _)| filter.to_owned()).collect();
        self.go_on()
    }

    fn refused(&mut self, connack: &ConnAck<'_>) -> End {
        let reason = connack.reason;
        let is_v5 = self.far.version.has_properties();
        let remedy = match reason {
            ReasonCode::UnsupportedProtocolVersion if is_v5 => Some(Refusal::WithMqtt311),
            ReasonCode::UnsupportedProtocolVersion if self.memory.says_bridge(&self.options) => {
                Some(Refusal::WithoutBridgeBit)
            }
            ReasonCode::RetainNotSupported if self.memory.will().1 => Some(Refusal::WithoutRetain),
            ReasonCode::QosNotSupported if self.memory.will().0 > QoS::AtMostOnce => {
                Some(Refusal::WithLowerQos)
            }
            _ => None,
        };
        if let Some(remedy) = remedy {
            self.memory.learn(remedy, connack.properties.maximum_qos());
        }
        End::Refused { reason, remedy }
    }

    /// The largest packet that may go to the other broker, in bytes.
    pub(super) fn packet_size_bytes_max(&self) -> u32 {
        self.options.packet_size_bytes_max.unwrap_or(u32::MAX).min(self.far.packet_size_bytes_max)
    }

    /// Tells the other broker that the bridge is connected.
    fn notify(&mut self) -> Result<(), End> {
        let Some(notifications) = self.options.far_notifications() else { return Ok(()) };
        let Ok(topic) = TopicName::parse(&notifications.topic) else { return Ok(()) };
        let qos = QoS::AtLeastOnce.min(self.far.maximum_qos);
        let id = self.memory.next_packet_id(|id| self.own.contains_key(&id));
        let publish = Publish {
            topic: Some(topic),
            delivery: Delivery::new(qos, false, id),
            retain: self.far.retain_available,
            properties: Properties::EMPTY,
            payload: CONNECTED,
        };
        Packet::Publish(publish).encode(self.far.version, &mut self.to_far)?;
        if qos > QoS::AtMostOnce {
            self.own.insert(id, Own::Notification);
        }
        Ok(())
    }

    /// Subscribes at the other broker to what comes in, and unsubscribes from the rest.
    fn ask_far(&mut self) -> Result<(), End> {
        let options = std::sync::Arc::clone(&self.options);
        for (text, comes_in) in options.topics.far_filters() {
            let Ok(filter) = TopicFilter::parse(text) else { continue };
            let (version, properties) = (self.far.version, Properties::EMPTY);
            match comes_in {
                Some(qos) => {
                    let is_v5 = version.has_properties();
                    let subscription = SubscriptionOptions {
                        maximum_qos: qos.min(self.far.maximum_qos),
                        no_local: is_v5 && filter.share().is_none(),
                        retain_as_published: is_v5,
                        retain_handling: RetainHandling::SendAtSubscribe,
                    };
                    let requests = [SubscribeRequest { filter, options: subscription }];
                    let id = self.own_id(Own::Subscribe(text.to_owned()));
                    let requests = SubscribeRequests::list(&requests);
                    let subscribe = Subscribe { id, properties, requests };
                    Packet::Subscribe(subscribe).encode(version, &mut self.to_far)?;
                }
                None if options.attempt_unsubscribe => {
                    let id = self.own_id(Own::Unsubscribe);
                    let filters = TopicFilters::list(core::slice::from_ref(&filter));
                    let unsubscribe = Unsubscribe { id, properties, filters };
                    Packet::Unsubscribe(unsubscribe).encode(version, &mut self.to_far)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn own_id(&mut self, own: Own) -> PacketId {
        let id = self.memory.next_packet_id(|id| self.own.contains_key(&id));
        self.own.insert(id, own);
        id
    }

    pub(super) fn has_own_message(&self) -> bool {
        self.own.values().any(|own| matches!(own, Own::Notification))
    }

    /// An answer to something that the far end has asked for itself, or to a message of the near end: see there.
    pub(super) fn answered(&mut self, id: PacketId, kind: PacketType) -> Option<Own> {
        let is_it = matches!(
            (self.own.get(&id)?, kind),
            (Own::Subscribe(_), PacketType::SubAck)
                | (Own::Unsubscribe, PacketType::UnsubAck)
                | (Own::Notification, PacketType::PubAck)
        );
        if is_it { self.own.remove(&id) } else { None }
    }
}
