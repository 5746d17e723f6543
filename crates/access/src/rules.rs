//! Rules of one user, in a tree of levels: a question costs as many steps as its topic has levels, however many rules
//! there are.

use std::collections::HashMap;

use crate::list::{Grant, Who};

/// Rules, by their Topic Filters.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The first one is the root.
    nodes: Vec<Node>,
    /// Whether `%c` and `%u` stand for the client's names.
    substitutes: bool,
}

/// What a rule says up to some level.
#[derive(Clone, Debug, Default)]
struct Node {
    literal: HashMap<Box<str>, usize>,
    /// `+`
    any: Option<usize>,
    /// `%c`
    client_identifier: Option<usize>,
    /// `%u`
    user_name: Option<usize>,
    /// Rules whose filters end here.
    here: Lines,
    /// Rules whose filters end in `#` here.
    below: Lines,
}

/// The first line of each kind of rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) deny: Option<u32>,
    pub(crate) read: Option<u32>,
    pub(crate) write: Option<u32>,
}

impl Lines {
    fn add(&mut self, other: Self) {
        let first = |one: &mut Option<u32>, other: Option<u32>| {
            *one = match (*one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        };
        first(&mut self.deny, other.deny);
        first(&mut self.read, other.read);
        first(&mut self.write, other.write);
    }

    fn of(grant: Grant, line: u32) -> Self {
        let line = Some(line);
        match grant {
            Grant::Read => Self { read: line, ..Self::default() },
            Grant::Write => Self { write: line, ..Self::default() },
            Grant::ReadWrite => Self { read: line, write: line, ..Self::default() },
            Grant::Deny => Self { deny: line, ..Self::default() },
        }
    }
}

impl Rules {
    pub(crate) fn new(substitutes: bool) -> Self {
        Self { nodes: vec![Node::default()], substitutes }
    }

    /// Adds a rule of a line.
    pub(crate) fn add(&mut self, filter: &str, grant: Grant, line: u32) {
        let mut at = 0;
        for level in filter.split('/') {
            if level == "#" {
                self.nodes[at].below.add(Lines::of(grant, line));
                return;
            }
            at = self.child(at, level);
        }
        self.nodes[at].here.add(Lines::of(grant, line));
    }

    fn child(&mut self, at: usize, level: &str) -> usize {
        let new = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match level {
            "+" => *node.any.get_or_insert(new),
            "%c" if self.substitutes => *node.client_identifier.get_or_insert(new),
            "%u" if self.substitutes => *node.user_name.get_or_insert(new),
            _ => *node.literal.entry(level.into()).or_insert(new),
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The first line of each kind that speaks of a topic.
    pub(crate) fn find(&self, who: Who<'_>, topic: &str) -> Lines {
        let mut found = Lines::default();
        // A wildcard in the first level does not match a topic that begins with `$` [MQTT-4.7.2-1].
        self.walk(0, Some(topic), !topic.starts_with('$'), who, &mut found);
        found
    }

    fn walk(&self, at: usize, rest: Option<&str>, wildcards: bool, who: Who<'_>, found: &mut Lines) {
        let node = &self.nodes[at];
        if wildcards {
            found.add(node.below); // `a/#` speaks of `a`, too
        }
        let Some(rest) = rest else {
            found.add(node.here);
            return;
        };
        let (level, rest) = match rest.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (rest, None),
        };
        let is_client = level == who.client_identifier;
        let is_user = who.user_name == Some(level);
        let children = [
            node.literal.get(level).copied(),
            node.any.filter(|_| wildcards),
            node.client_identifier.filter(|_| is_client),
            node.user_name.filter(|_| is_user),
        ];
        for child in children.into_iter().flatten() {
            self.walk(child, rest, true, who, found);
        }
    }
}
