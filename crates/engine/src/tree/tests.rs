use std::collections::BTreeSet;

use martlet_wire::{TopicFilter, TopicName};
use proptest::prelude::*;

use super::*;

fn matching(tree: &FilterTree<()>, topic: &str) -> BTreeSet<String> {
    let mut found = Vec::new();
    tree.matches(topic, &mut |node, ()| found.push(tree.filter(node)));
    let set: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(set.len(), found.len(), "each filter once");
    set
}

#[test]
fn a_removed_filter_leaves_nothing() {
    let mut tree = FilterTree::<()>::new(1);
    let (long, ()) = tree.entry("a/b/#");
    let (short, ()) = tree.entry("a/b");
    assert_eq!(tree.find("a/b/#"), Some(long));
    assert_eq!(tree.find("a"), None, "a level on the way is no filter");
    assert!(tree.remove(long).is_some());
    assert!(tree.remove(long).is_none());
    assert_eq!(tree.filter(short), "a/b");
    assert!(tree.remove(short).is_some());
    assert_eq!((tree.len(), tree.nodes.len(), tree.children.len()), (0, 1, 0));
}

fn level() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("a".to_owned()), Just("b".to_owned()), Just("$x".to_owned())]
}

fn topic() -> impl Strategy<Value = String> {
    prop::collection::vec(level(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("empty", |t| !t.is_empty())
}

fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => level(), 1 => Just("+".to_owned())];
    (prop::collection::vec(level, 0..5), any::<bool>())
        .prop_map(|(mut levels, hash)| {
            if hash {
                levels.push("#".to_owned());
            }
            levels.join("/")
        })
        .prop_filter("empty", |f| !f.is_empty())
}

proptest! {
    #[test]
    fn the_tree_matches_what_the_naive_matcher_matches(
        filters in prop::collection::btree_set(filter(), 0..20),
        removed in prop::collection::btree_set(filter(), 0..20),
        topics in prop::collection::vec(topic(), 1..10),
    ) {
        let mut tree = FilterTree::<()>::new(1);
        for filter in filters.iter().chain(&removed) {
            tree.entry(filter);
        }
        for filter in &removed {
            let node = tree.find(filter).expect("it was added");
            tree.remove(node);
        }
        for topic in &topics {
            let name = TopicName::parse(topic).unwrap();
            let expected: BTreeSet<String> = filters
                .difference(&removed)
                .filter(|filter| TopicFilter::parse(filter).unwrap().matches(name))
                .cloned()
                .collect();
            prop_assert_eq!(matching(&tree, topic), expected, "{}", topic);
        }
    }
}
