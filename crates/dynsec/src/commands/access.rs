//! Commands about what holds where no rule does, and about the whole.

#![expect(clippy::unnecessary_wraps, reason = "all commands have the same type")]

use martlet_json::Json;

use super::arguments::Arguments;
use super::refusal::Refusal;
use super::{Answer, Context};
use crate::DynamicSecurity;

impl DynamicSecurity {
    /// Entries without a kind or a truth value, and those of an unknown kind, do not count. Nobody is disconnected.
    pub(super) fn set_default_access(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        for entry in arguments.list("acls").ok_or(Refusal::DefaultAccess)? {
            let entry = Arguments::new(entry);
            let (Some(kind), Some(allow)) = (entry.lenient_text("acltype"), entry.bool("allow")) else {
                continue;
            };
            if let Some(value) = self.default_access.named(kind) {
                *value = allow;
            }
            let kind = String::from_utf8_lossy(kind);
            context.details.push(format!("acltype={kind} | allow={allow}"));
        }
        self.change();
        Ok(None)
    }

    pub(super) fn get_default_access(
        &mut self,
        _arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let acls = self
            .default_access
            .entries()
            .map(|(kind, allow)| Json::object([("acltype", Json::from(kind)), ("allow", Json::Bool(allow))]));
        context.details.push(String::new());
        Ok(Some(Json::object([("acls", Json::Array(acls.to_vec()))])))
    }

    pub(super) fn get_anonymous_group(
        &mut self,
        _arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let name = Json::from(self.anonymous_group().unwrap_or_default());
        context.details.push(String::new());
        Ok(Some(Json::object([("group", Json::object([("groupname", name)]))])))
    }

    pub(super) fn get_details(&mut self, _arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        #[expect(clippy::cast_precision_loss, reason = "JSON has no other numbers")]
        let number = |number: u64| Json::Number(number as f64);
        let count = |count: usize| number(u64::try_from(count).unwrap_or(u64::MAX));
        context.details.push(String::new());
        Ok(Some(Json::object([
            ("clientCount", count(self.clients.len())),
            ("groupCount", count(self.groups.len())),
            ("roleCount", count(self.roles.len())),
            ("changeIndex", number(self.change_index)),
        ])))
    }
}
