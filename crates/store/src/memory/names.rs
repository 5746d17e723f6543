//! The names of files and folders: as they are seen, as they are durable, and the changes between.

use std::collections::BTreeMap;

use super::faults::Unsynced;
use super::state::Random;

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    current: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Add { path: String, node: Node },
    Remove { path: String },
    Rename { from: String, to: String, node: Node },
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Add { path, node } => {
                names.insert(path.clone(), *node);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
            Self::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
                let folder = format!("{from}/");
                let inside: Vec<_> =
                    names.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder)).collect();
                let inside: Vec<(String, Node)> =
                    inside.into_iter().map(|(path, node)| (path.clone(), *node)).collect();
                for (path, node) in inside {
                    names.remove(&path);
                    names.insert(format!("{to}/{}", &path[folder.len()..]), node);
                }
            }
        }
    }

    /// Whether a sync of a folder makes the change durable.
    fn is_in(&self, folder: &str) -> bool {
        match self {
            Self::Add { path, .. } | Self::Remove { path } => parent(path) == folder,
            Self::Rename { from, to, .. } => parent(from) == folder || parent(to) == folder,
        }
    }
}

/// The folder that a path is in.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Names {
    pub(super) fn add(&mut self, path: &str, node: Node) {
        self.change(Change::Add { path: path.to_owned(), node });
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.change(Change::Remove { path: path.to_owned() });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, node: Node) {
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), node });
    }

    /// Adds a path and its folder, durable at once.
    pub(super) fn put(&mut self, path: &str, node: Node) {
        for names in [&mut self.current, &mut self.durable] {
            if !parent(path).is_empty() {
                names.insert(parent(path).to_owned(), Node::Folder);
            }
            names.insert(path.to_owned(), node);
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    /// Makes durable what was changed in a folder, in order, and nothing else.
    pub(super) fn sync(&mut self, folder: &str) {
        for change in self.pending.extract_if(.., |change| change.is_in(folder)) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn find(&self, path: &str) -> Option<Node> {
        if path.is_empty() { Some(Node::Folder) } else { self.current.get(path).copied() }
    }

    pub(super) fn has_folder_of(&self, path: &str) -> bool {
        self.find(parent(path)) == Some(Node::Folder)
    }

    /// The names in a folder, sorted.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let inside = self.current.keys().filter(|path| parent(path) == folder);
        inside.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.current.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.as_str(), *file)),
            Node::Folder => None,
        })
    }

    /// What is left after a loss of power. A file whose folder is gone is gone.
    pub(super) fn crashed(&self, unsynced: Unsynced, random: &mut Random) -> Self {
        let mut names = self.durable.clone();
        let kept = match unsynced {
            Unsynced::Lost => 0,
            Unsynced::Kept | Unsynced::Reordered => self.pending.len(),
            Unsynced::Torn => random.below(self.pending.len() + 1),
        };
        for change in self.pending.iter().take(kept) {
            if unsynced != Unsynced::Reordered || random.is_even() {
                change.apply(&mut names);
            }
        }
        let folders: Vec<String> =
            names.iter().filter(|(_, node)| **node == Node::Folder).map(|(path, _)| path.clone()).collect();
        names.retain(|path, _| {
            let folder = parent(path);
            folder.is_empty() || folders.iter().any(|known| known == folder)
        });
        Self { current: names.clone(), durable: names, pending: Vec::new() }
    }
}
