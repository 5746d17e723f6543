//! What goes over a bridge, and how a topic of the one broker is named at the other.

use martlet_wire::{QoS, TopicFilter, TopicName};

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the other broker.
    Out,
    /// From the other broker.
    In,
    /// Both.
    Both,
}

impl Direction {
    const fn goes_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    const fn comes_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

/// Some topics that go over a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The Topic Filter behind the prefixes; `None` for the one topic that each prefix is.
    pub pattern: Option<String>,
    /// Where to.
    pub direction: Direction,
    /// The highest QoS.
    pub qos: QoS,
    /// What stands before the pattern at this broker.
    pub near_prefix: String,
    /// What stands before the pattern at the other broker.
    pub far_prefix: String,
}

impl Topic {
    fn filter(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.pattern.as_deref().unwrap_or_default())
    }

    /// The Topic Filter at this broker.
    pub fn near(&self) -> String {
        self.filter(&self.near_prefix)
    }

    /// The Topic Filter at the other broker.
    pub fn far(&self) -> String {
        self.filter(&self.far_prefix)
    }
}

/// All topics of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics(Vec<Mapped>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapped {
    topic: Topic,
    near: String,
    far: String,
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        Self(topics.into_iter().map(|topic| Mapped { near: topic.near(), far: topic.far(), topic }).collect())
    }
}

impl Topics {
    /// The Topic Filters at this broker of what goes out, with the highest QoS, each once.
    pub fn near_filters(&self) -> Vec<(&str, QoS)> {
        let mut filters: Vec<(&str, QoS)> = Vec::new();
        for Mapped { topic, near, .. } in self.0.iter().filter(|it| it.topic.direction.goes_out()) {
            match filters.iter_mut().find(|(filter, _)| filter == near) {
                Some((_, qos)) => *qos = topic.qos.max(*qos),
                None => filters.push((near, topic.qos)),
            }
        }
        filters
    }

    /// The Topic Filters at the other broker in their order, each with the highest QoS if it comes in, and `None` if it only
    /// goes out.
    pub fn far_filters(&self) -> impl Iterator<Item = (&str, Option<QoS>)> {
        self.0
            .iter()
            .map(|Mapped { topic, far, .. }| (far.as_str(), topic.direction.comes_in().then_some(topic.qos)))
    }

    /// How the other broker calls a topic of this one; `None` if it does not go out. The first line that fits counts.
    pub fn outward(&self, topic: TopicName<'_>) -> Option<String> {
        let fits = |it: &&Mapped| it.topic.direction.goes_out() && is_in(&it.near, topic);
        let Mapped { topic: line, .. } = self.0.iter().find(fits)?;
        renamed(topic, line.pattern.is_none(), &line.near_prefix, &line.far_prefix)
    }

    /// How this broker calls a topic of the other one; `None` if it does not come in. The first line that fits counts.
    pub fn inward(&self, topic: TopicName<'_>) -> Option<String> {
        let fits = |it: &&Mapped| it.topic.direction.comes_in() && is_in(&it.far, topic);
        let Mapped { topic: line, .. } = self.0.iter().find(fits)?;
        renamed(topic, line.pattern.is_none(), &line.far_prefix, &line.near_prefix)
    }
}

fn is_in(filter: &str, topic: TopicName<'_>) -> bool {
    TopicFilter::parse(filter).is_ok_and(|filter| filter.matches(topic))
}

fn renamed(topic: TopicName<'_>, is_single: bool, from: &str, to: &str) -> Option<String> {
    let name = if is_single {
        to.to_owned()
    } else {
        // A filter that begins with the prefix fits topics that do, but for `prefix/#`, which fits `prefix`.
        format!("{to}{}", topic.as_str().strip_prefix(from)?)
    };
    TopicName::parse(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(pattern: &str, direction: Direction, near_prefix: &str, far_prefix: &str) -> Topic {
        Topic {
            pattern: Some(pattern.to_owned()).filter(|pattern| !pattern.is_empty()),
            direction,
            qos: QoS::AtLeastOnce,
            near_prefix: near_prefix.to_owned(),
            far_prefix: far_prefix.to_owned(),
        }
    }

    fn name(text: &str) -> TopicName<'_> {
        TopicName::parse(text).unwrap()
    }

    #[test]
    fn prefixes_are_exchanged() {
        let topics: Topics = [
            topic("#", Direction::Out, "local/", "remote/"),
            topic("+/value", Direction::Both, "a/", ""),
            topic("", Direction::In, "single/here", "single/there"),
            topic("plain", Direction::In, "", "$SYS/"),
        ]
        .into_iter()
        .collect();
        let out = |text| topics.outward(name(text));
        assert_eq!(out("local/x/y").as_deref(), Some("remote/x/y"));
        assert_eq!(out("a/b/value").as_deref(), Some("b/value"));
        assert_eq!(out("a/b/other"), None);
        assert_eq!(out("single/here"), None, "it only comes in");
        let inward = |text| topics.inward(name(text));
        assert_eq!(inward("b/value").as_deref(), Some("a/b/value"));
        assert_eq!(inward("single/there").as_deref(), Some("single/here"));
        assert_eq!(inward("$SYS/plain").as_deref(), Some("plain"));
        assert_eq!(inward("remote/x"), None, "it only goes out");
    }

    #[test]
    fn what_cannot_be_renamed_stays_away() {
        let topics: Topics = [topic("#", Direction::Out, "local/", "remote/")].into_iter().collect();
        // `local/#` fits `local`, which does not begin with `local/`.
        assert_eq!(topics.outward(name("local")), None);
        let nothing: Topics = [topic("#", Direction::Out, "a", "")].into_iter().collect();
        assert_eq!(nothing.outward(name("a")), None, "a topic is not empty");
    }

    #[test]
    fn the_first_line_that_fits_counts_and_a_filter_is_subscribed_once() {
        let topics: Topics = [
            Topic { qos: QoS::AtMostOnce, ..topic("#", Direction::Out, "", "one/") },
            Topic { qos: QoS::ExactlyOnce, ..topic("#", Direction::Both, "", "two/") },
        ]
        .into_iter()
        .collect();
        assert_eq!(topics.outward(name("x")).as_deref(), Some("one/x"));
        assert_eq!(topics.near_filters(), [("#", QoS::ExactlyOnce)]);
        let far: Vec<_> = topics.far_filters().collect();
        assert_eq!(far, [("one/#", None), ("two/#", Some(QoS::ExactlyOnce))]);
    }
}
