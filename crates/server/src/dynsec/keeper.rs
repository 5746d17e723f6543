//! The one who knows all about clients, groups and roles, and changes it when a client asks for that.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use martlet_dynsec::{COMMAND_TOPIC, DynamicSecurity, RESPONSE_TOPIC, Requester};
use martlet_engine::ControlRequest;

use super::{DynamicSecurityOptions, Roster, file};
use crate::auth::RulesChanger;
use crate::control::{ControlHandler, ControlReply};
use crate::options::Options;

/// Dynamic security: the state, its file, and the commands that change both.
pub(crate) struct Keeper {
    options: DynamicSecurityOptions,
    roster: Arc<Roster>,
    security: Mutex<DynamicSecurity>,
    changer: OnceLock<RulesChanger>,
    /// Clients have to go when the answer is on its way.
    is_owed: AtomicBool,
}

impl Keeper {
    /// The one that the options ask for: it handles requests, and the authority knows what it knows.
    pub(crate) fn hired(options: &mut Options, shards: u16) -> Option<Arc<Self>> {
        let own = options.dynamic_security.take()?;
        let security = file::open(&own);
        let rules = Arc::new(security.rules());
        let authority = options.authority.as_deref().cloned().unwrap_or_default();
        options.authority = Some(Arc::new(authority.with_dynamic(rules)));
        let roster = Arc::new(Roster::new(shards));
        let keeper = Arc::new(Self {
            options: own,
            roster,
            security: Mutex::new(security),
            changer: OnceLock::new(),
            is_owed: AtomicBool::new(false),
        });
        options.control.set(COMMAND_TOPIC, Some(Arc::clone(&keeper) as Arc<dyn ControlHandler>));
        Some(keeper)
    }

    /// Tells the shards of changes by this from now on. Answers who wants to know who is connected.
    pub(crate) fn attach(&self, changer: RulesChanger) -> Arc<Roster> {
        // A second one would be that of the same broker.
        let _ = self.changer.set(changer);
        Arc::clone(&self.roster)
    }

    fn lock(&self) -> MutexGuard<'_, DynamicSecurity> {
        // A command is done whole before anything else is touched, so what a panicking thread left is sound.
        self.security.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, security: &DynamicSecurity) {
        let path = &self.options.config_file;
        if let Err(error) = file::replace(path, &security.to_file()) {
            tracing::error!(%error, file = %path.display(), "Error saving Dynamic security plugin config");
        }
    }
}

impl ControlHandler for Keeper {
    fn handle(&self, request: &ControlRequest) -> ControlReply {
        let requester =
            Requester { client_id: &request.client_identifier, user_name: request.user_name.as_deref() };
        let mut security = self.lock();
        let outcome = security.handle(&request.payload, requester, &mut file::Hasher, &*self.roster);
        for line in &outcome.log {
            tracing::info!("{}", line.escape_debug());
        }
        if outcome.changed {
            self.save(&security);
            if let Some(changer) = self.changer.get() {
                self.is_owed.store(!outcome.kicked.is_empty(), Ordering::Relaxed);
                changer.renew(Arc::new(security.rules()), outcome.kicked);
            }
        }
        ControlReply::Published { topic: RESPONSE_TOPIC.into(), payload: outcome.response }
    }

    fn answered(&self) {
        if self.is_owed.swap(false, Ordering::Relaxed)
            && let Some(changer) = self.changer.get()
        {
            changer.send_away();
        }
    }
}
