//! What is done with each message that comes.

use martlet_proto::client::{Incoming, Outgoing};
use martlet_wire::{Properties, QoS, TopicName};

use super::{End, Subscriber};
use crate::session::random_below;

/// All messages are printed if so many of them are: see [`martlet_tools::flags::SubscribeOptions::random_filter`].
const ALL: u32 = 1_000;

impl Subscriber<'_> {
    pub(super) fn message(&mut self, message: &Incoming) -> Result<(), End> {
        self.rate += 1;
        if self.is_done {
            return Ok(());
        }
        if self.options.retained_only && !message.retain {
            self.is_done = true;
            return Ok(());
        }
        if self.is_hidden(message) {
            return Ok(());
        }
        if self.options.remove_retained && message.retain {
            self.clear(&message.topic);
        }
        if self.is_drawn() {
            if !self.options.message_rate {
                self.printing.print(message, &mut self.session.out, self.session.errors);
            }
            self.printing.record(message).map_err(End::Record)?;
        }
        if let Some(count) = self.options.count {
            self.counted += 1;
            self.is_done |= self.counted >= count;
        }
        Ok(())
    }

    fn is_hidden(&self, message: &Incoming) -> bool {
        let is_of = |topic| self.hidden.iter().any(|filter| filter.matches(topic));
        message.retain && self.options.output.hide_retained
            || TopicName::parse(&message.topic).is_ok_and(is_of)
    }

    /// `--random-filter`
    fn is_drawn(&self) -> bool {
        let percentile = self.options.random_filter;
        percentile >= ALL || random_below(ALL.into()) < percentile.into()
    }

    /// Has the broker forget a retained message.
    fn clear(&mut self, topic: &str) {
        if let Ok(topic) = TopicName::parse(topic) {
            let (payload, properties) = (&[][..], Properties::EMPTY);
            self.session.publish(&Outgoing {
                topic,
                payload,
                qos: QoS::AtLeastOnce,
                retain: true,
                properties,
            });
        }
    }
}
