//! Other rules while the broker runs.

use core::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use martlet_dynsec::{self as dynsec, Kicked};
use martlet_engine::{Access, AllowAll, ShardId};

use super::announcement::Announcement;
use super::guard::Guard;
use super::{Authority, Pool};
use crate::inbox::{Inboxes, Mail};
use crate::options::{AccessFactory, Authenticator, Rules};

impl Authority {
    /// The rules that shards ask, after those of another authority.
    fn rules(self: &Arc<Self>, before: &Arc<Self>) -> Rules {
        let (authority, before) = (Arc::clone(self), Arc::clone(before));
        let checks_deliveries = self.has_lists();
        let access: Arc<AccessFactory> = Arc::new(move |_| {
            let (authority, before) = (Arc::clone(&authority), Arc::clone(&before));
            Box::new(Guard { authority, before, checks_deliveries }) as Box<dyn Access>
        });
        let authority = Arc::clone(self);
        let judge: Arc<Authenticator> = Arc::new(move |question| authority.judge(question));
        Rules { access: Some(access), authenticator: self.has_passwords().then_some(judge) }
    }
}

/// Those who decide about clients, for all shards.
pub(crate) struct Judges {
    pub(crate) rules: Rules,
    pub(crate) pool: Arc<Pool>,
}

impl Judges {
    /// Those that the options name: the rules, or where there are none, the authority.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn new(
        rules: Rules,
        authority: Option<&Arc<Authority>>,
        inboxes: Arc<Inboxes>,
    ) -> io::Result<Self> {
        let rules = match authority.filter(|authority| !authority.is_open()) {
            Some(authority) if rules.access.is_none() => authority.rules(authority),
            _ => rules,
        };
        let pool = Arc::new(Pool::new(inboxes));
        pool.employ(rules.authenticator.clone())?;
        Ok(Self { rules, pool })
    }

    /// Who a shard asks, if it has to ask anyone.
    pub(crate) fn of_shard(&self, shard: ShardId) -> Option<Box<dyn Access>> {
        self.rules.access.as_ref().map(|access| access(shard))
    }
}

/// Puts other rules in place of those of a running broker.
#[derive(Clone)]
pub struct RulesChanger {
    current: Arc<Mutex<Current>>,
    inboxes: Arc<Inboxes>,
    pool: Arc<Pool>,
    announcement: Arc<Announcement>,
}

/// What decides at this moment.
struct Current {
    authority: Arc<Authority>,
    rules: Rules,
}

impl RulesChanger {
    pub(crate) fn new(
        authority: Option<Arc<Authority>>,
        judges: &Judges,
        announcement: Announcement,
        inboxes: Arc<Inboxes>,
    ) -> Self {
        let current = Current { authority: authority.unwrap_or_default(), rules: judges.rules.clone() };
        Self {
            current: Arc::new(Mutex::new(current)),
            inboxes,
            pool: Arc::clone(&judges.pool),
            announcement: Arc::new(announcement),
        }
    }

    /// The rules as they are at this moment, for someone who asks beside the shards.
    pub(crate) fn rules(&self) -> Rules {
        self.lock().rules.clone()
    }

    /// Other rules are about to be read: whatever clients send from here on waits for them, for a moment at most. To be
    /// followed by [`RulesChanger::conclude`].
    pub fn announce(&self) {
        self.announcement.make();
    }

    /// Where it is told that other rules are about to come.
    pub(crate) fn announcement(&self) -> Arc<Announcement> {
        Arc::clone(&self.announcement)
    }

    /// What was announced is there, or does not come after all.
    pub fn conclude(&self) {
        // First this, then the mail, which wakes: a shard that sees nothing announced has all rules in its inbox.
        self.announcement.withdraw();
        self.inboxes.send_to_all(|_| Mail::Rules(None));
    }

    /// Lets another authority decide from now on. Clients that it would not let in are sent away: those without a user name
    /// where that is not allowed any more, and those whose password was changed or taken away.
    ///
    /// `order` tells for each listener of the broker which number it has for the new authority; without one it stays as it
    /// was.
    ///
    /// # Errors
    /// The operating system refuses a thread; everything stays as it was then.
    pub fn replace(&self, authority: Authority, order: &[Option<u16>]) -> io::Result<()> {
        let mut current = self.lock();
        let authority = Arc::new(authority.arranged(order, &current.authority));
        self.put(&mut current, authority)
    }

    /// Lets dynamic security say something else from now on. Clients have to go for that, but not before
    /// [`Self::send_away`].
    pub(crate) fn renew(&self, dynamic: Arc<dynsec::Rules>, kicked: Kicked) {
        let mut current = self.lock();
        let authority = Arc::new(Authority::clone(&current.authority).with_dynamic(dynamic));
        if let Err(error) = self.put(&mut current, authority) {
            tracing::error!(%error, "the rules of dynamic security stay as they were");
        }
        // Behind the rules: whoever comes in by these may stay.
        if !kicked.is_empty() {
            let kicked = Arc::new(kicked);
            self.inboxes.send_to_all(|_| Mail::Changed(Arc::clone(&kicked)));
        }
    }

    /// Sends those away that have to go.
    pub(crate) fn send_away(&self) {
        self.inboxes.send_to_all(|_| Mail::SendAway);
    }

    /// Lets an authority decide from now on.
    fn put(&self, current: &mut Current, authority: Arc<Authority>) -> io::Result<()> {
        let rules = authority.rules(&current.authority);
        self.pool.employ(rules.authenticator.clone())?;
        self.inboxes.send_to_all(|shard| {
            Mail::Rules(Some(match &rules.access {
                Some(access) if !authority.is_open() => access(shard),
                _ => Box::new(AllowAll) as Box<dyn Access>,
            }))
        });
        *current = Current { authority, rules };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        // It is replaced as a whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RulesChanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesChanger").finish_non_exhaustive()
    }
}
