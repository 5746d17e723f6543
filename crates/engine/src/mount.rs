//! Mount points: what all topics of a listener's clients begin with, unknown to them.
//!
//! The prefix comes in front where a topic comes in and goes where one goes out; all between knows whole topics only. An
//! empty prefix changes nothing.

use std::borrow::Cow;

use martlet_wire::{TopicFilter, TopicName};

/// The whole Topic Name of what a client publishes.
pub(crate) fn whole<'a>(mount_point: &str, topic: TopicName<'a>) -> Cow<'a, str> {
    if mount_point.is_empty() {
        return Cow::Borrowed(topic.as_str());
    }
    Cow::Owned([mount_point, topic.as_str()].concat())
}

/// The whole Topic Filter of what a client subscribes to. A Shared Subscription keeps its name in front.
pub(crate) fn whole_filter<'a>(mount_point: &str, filter: TopicFilter<'a>) -> Cow<'a, str> {
    if mount_point.is_empty() {
        return Cow::Borrowed(filter.as_str());
    }
    Cow::Owned(match filter.share() {
        Some(share) => format!("$share/{share}/{mount_point}{}", filter.filter()),
        None => [mount_point, filter.filter()].concat(),
    })
}

/// The Topic Name as a client sees it. `None` if the topic is not below its mount point.
pub(crate) fn seen<'a>(mount_point: &str, topic: TopicName<'a>) -> Option<TopicName<'a>> {
    if mount_point.is_empty() {
        return Some(topic);
    }
    TopicName::parse(topic.as_str().strip_prefix(mount_point)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_goes_in_and_comes_out() {
        let topic = TopicName::parse("a/b").unwrap();
        for mount_point in ["", "m/", "m", "$SYS/"] {
            let whole = whole(mount_point, topic);
            assert_eq!(whole, format!("{mount_point}a/b"));
            assert_eq!(seen(mount_point, TopicName::parse(&whole).unwrap()), Some(topic));
        }
    }

    #[test]
    fn what_is_not_below_the_mount_point_is_not_seen() {
        for topic in ["m", "m/", "n/a", "a"] {
            assert_eq!(seen("m/", TopicName::parse(topic).unwrap()), None, "{topic}");
        }
    }

    #[test]
    fn a_filter_keeps_the_name_of_its_group_in_front() {
        let whole = |text| whole_filter("m/", TopicFilter::parse(text).unwrap()).into_owned();
        assert_eq!(whole("#"), "m/#");
        assert_eq!(whole("$SYS/broker/#"), "m/$SYS/broker/#");
        assert_eq!(whole("$share/group/a/+"), "$share/group/m/a/+");
    }
}
