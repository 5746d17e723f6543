//! What should be otherwise with bridges.

use super::reach::is_local_host;
use super::{Finding, Rule, Subject};
use crate::config::Section;

/// All findings about bridges.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let configuration = subject.configuration;
    let mut findings = Vec::new();
    for (number, bridge) in configuration.settings.bridges.iter().enumerate() {
        let finding = |rule, option: &str, text: String| {
            let at = subject.line(option, Some(Section::Bridge(number)));
            Finding { rule, at: at.or_else(|| configuration.bridge_places.get(number).cloned()), text }
        };
        let is_remote = bridge.addresses.iter().any(|address| !is_local_host(&address.host));
        if bridge.tls.is_insecure && bridge.tls.is_on() {
            let text = format!("the bridge {} accepts the certificate of anyone", bridge.name);
            findings.push(finding(Rule::BridgeInsecure, "bridge_insecure", text));
        }
        if bridge.tls.is_insecure && !bridge.tls.is_on() {
            let text = "`bridge_insecure` has no effect without TLS".into();
            findings.push(finding(Rule::NoEffect, "bridge_insecure", text));
        }
        if bridge.remote_password.is_some() && !bridge.tls.is_on() && is_remote {
            let text = format!("the password of the bridge {} goes out without encryption", bridge.name);
            findings.push(finding(Rule::BridgeUnprotected, "remote_password", text));
        }
        if bridge.remote_password.is_some() && bridge.remote_user_name.is_none() {
            let text = "`remote_password` has no effect without `remote_username`".into();
            findings.push(finding(Rule::NoEffect, "remote_password", text));
        }
        if !bridge.tls.is_on() && (bridge.tls.certificate.is_some() || bridge.tls.version_min.is_some()) {
            let option =
                if bridge.tls.certificate.is_some() { "bridge_certfile" } else { "bridge_tls_version" };
            let text =
                format!("`{option}` has no effect without `bridge_cafile` or the like, which turn TLS on");
            findings.push(finding(Rule::NoEffect, option, text));
        }
    }
    findings
}
