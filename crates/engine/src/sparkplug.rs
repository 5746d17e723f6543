//! Birth certificates of Sparkplug 3.0, which a Sparkplug Aware MQTT Server keeps for those who come later.
//!
//! What is published to `spBv1.0/GROUP/NBIRTH/NODE` or `spBv1.0/GROUP/DBIRTH/NODE/DEVICE` is published once more, retained, to
//! the same topic behind `$sparkplug/certificates/`.

use martlet_wire::TopicName;

use crate::Engine;
use crate::message::Publication;

const PREFIX: &str = "$sparkplug/certificates/";

impl Engine {
    /// Whether a message is a birth certificate that has to be kept.
    pub(crate) fn is_certificate(&self, topic: TopicName<'_>) -> bool {
        self.config.features.sparkplug_aware && is_birth(topic)
    }

    /// Publishes a birth certificate once more. Where there is no room for it, or its topic became too long, nobody is told:
    /// the message itself went its way.
    pub(crate) fn keep_certificate(&mut self, birth: &Publication<'_>) {
        let text = [PREFIX, birth.topic.as_str()].concat();
        let Ok(topic) = TopicName::parse(&text) else { return };
        let size = text.len() + birth.payload.len();
        if !birth.payload.is_empty() && !self.commons.has_room_for(&text, size) {
            return;
        }
        let mut certificate =
            Publication { topic, retain: true, shared: None, record: None, ..birth.clone() };
        self.take_effect(&mut certificate);
    }
}

fn is_birth(topic: TopicName<'_>) -> bool {
    let mut levels = topic.as_str().split('/');
    if levels.next() != Some("spBv1.0") {
        return false;
    }
    let (_group, kind) = (levels.next(), levels.next());
    match kind {
        Some("NBIRTH") => levels.count() == 1,
        Some("DBIRTH") => levels.count() == 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_are_told_by_their_topics() {
        for topic in ["spBv1.0/g/NBIRTH/n", "spBv1.0/g/DBIRTH/n/d", "spBv1.0//NBIRTH/n", "spBv1.0/g/NBIRTH/"]
        {
            assert!(is_birth(TopicName::parse(topic).unwrap()), "{topic}");
        }
        for topic in [
            "spBv1.0/g/NBIRTH",
            "spBv1.0/g/NBIRTH/n/x",
            "spBv1.0/g/DBIRTH/n",
            "spBv1.0/g/DBIRTH/n/d/e",
            "spBv1.0/g/NDEATH/n",
            "spBv1.0/g/nbirth/n",
            "spAv1.0/g/NBIRTH/n",
            "x/spBv1.0/g/NBIRTH/n",
            "spBv1.0",
        ] {
            assert!(!is_birth(TopicName::parse(topic).unwrap()), "{topic}");
        }
    }
}
