//! SUBSCRIBE and UNSUBSCRIBE, from the flags.

use martlet_tools::flags::SubscribeOptions;
use martlet_wire::{
    PacketId, PacketType, ProtocolVersion, QoS, SubscribeRequest, SubscribeRequests, SubscriptionOptions,
    TopicFilter, TopicFilters,
};

use crate::session::{self, Section, Session};

/// What is asked of the broker on each new connection.
pub(super) struct Requests<'a> {
    subscribe: Vec<SubscribeRequest<'a>>,
    subscribe_properties: Section,
    unsubscribe: Vec<TopicFilter<'a>>,
    unsubscribe_properties: Section,
}

impl<'a> Requests<'a> {
    /// The error is a text that ends in a newline.
    pub(super) fn of(options: &'a SubscribeOptions, version: ProtocolVersion) -> Result<Self, String> {
        let lists = &options.connection.properties;
        let how = SubscriptionOptions {
            maximum_qos: QoS::from_u8(options.qos).unwrap_or_default(),
            no_local: false,
            retain_as_published: options.retain_as_published,
            retain_handling: session::retain_handling(options.retain_handling),
        };
        let filters = filters(&options.topics, "subscription")?;
        Ok(Self {
            subscribe: filters.into_iter().map(|filter| SubscribeRequest { filter, options: how }).collect(),
            subscribe_properties: session::section(PacketType::Subscribe, version, &lists.subscribe)?,
            unsubscribe: self::filters(&options.unsubscribe, "unsubscribe")?,
            unsubscribe_properties: session::section(PacketType::Unsubscribe, version, &lists.unsubscribe)?,
        })
    }

    /// Sends one SUBSCRIBE for all Topic Filters and tells its Packet Identifier, and one UNSUBSCRIBE for each.
    pub(super) fn send(&self, session: &mut Session) -> Option<PacketId> {
        let mut id = None;
        if !self.subscribe.is_empty() {
            let requests = SubscribeRequests::list(&self.subscribe);
            id = session.subscribe(requests, self.subscribe_properties.get());
        }
        for filter in &self.unsubscribe {
            let filters = TopicFilters::list(core::slice::from_ref(filter));
            session.unsubscribe(filters, self.unsubscribe_properties.get());
        }
        id
    }
}

/// The filters of a flag; the error is a text that ends in a newline.
pub(super) fn filters<'a>(texts: &'a [String], role: &str) -> Result<Vec<TopicFilter<'a>>, String> {
    let parse = |text: &'a String| {
        TopicFilter::parse(text).map_err(|error| format!("Error: Invalid {role} topic '{text}': {error}\n"))
    };
    texts.iter().map(parse).collect()
}
