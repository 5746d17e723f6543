//! Who may come in while there are no passwords: anyone or no one, as each listener says.

use std::sync::Arc;

use martlet_engine::{Access, AllowAll, Decision, Peer};
use martlet_wire::{Connect, ReasonCode};

use crate::options::Rules;

/// The rules of listeners, by their numbers: whether they let everyone in.
pub(crate) fn rules(open: Vec<bool>) -> Rules {
    if open.iter().all(|open| *open) {
        return Rules::default();
    }
    let open: Arc<[bool]> = open.into();
    let access = Arc::new(move |_| Box::new(Doorkeeper { open: Arc::clone(&open) }) as Box<dyn Access>);
    Rules { access: Some(access), authenticator: None }
}

struct Doorkeeper {
    open: Arc<[bool]>,
}

impl Access for Doorkeeper {
    fn connect(&mut self, peer: &Peer, connect: &Connect<'_>) -> Decision {
        if self.open.get(usize::from(peer.listener)) == Some(&true) {
            AllowAll.connect(peer, connect)
        } else {
            Decision::Refuse(ReasonCode::NotAuthorized)
        }
    }
}
