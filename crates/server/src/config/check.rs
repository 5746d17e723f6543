//! What only all lines together show.

use std::collections::HashSet;

use super::problem::{Combination, Named, Place, Problem};
use super::settings::{BridgeSettings, ListenerSettings, ProxyProtocol, Settings};

/// Looks for what is wrong, in the order in which Mosquitto does. The place is where the section begins.
pub(super) fn check(
    settings: &Settings,
    listener_places: &[Place],
    bridge_places: &[Place],
    this_host: &str,
) -> Result<(), (Option<Place>, Problem)> {
    for (bridge, place) in settings.bridges.iter().zip(bridge_places) {
        if let Some(combination) = bridge_problem(bridge) {
            return Err((Some(place.clone()), Problem::Combination(combination)));
        }
    }
    let mut names = HashSet::new();
    for (bridge, place) in settings.bridges.iter().zip(bridge_places) {
        let name = bridge.local_name(this_host);
        if !names.insert(name.clone()) {
            let what = Named::LocalClientIdentifier;
            return Err((Some(place.clone()), Problem::NameTaken { name, what }));
        }
    }
    let listeners = || settings.listeners.iter().zip(listener_places);
    let problems = [tls_problem as fn(&ListenerSettings) -> Option<Combination>, proxy_problem];
    for problem in problems {
        for (listener, place) in listeners() {
            if let Some(combination) = problem(listener) {
                return Err((Some(place.clone()), Problem::Combination(combination)));
            }
        }
    }
    Ok(())
}

fn bridge_problem(bridge: &BridgeSettings) -> Option<Combination> {
    if bridge.addresses.is_empty() {
        Some(Combination::BridgeAddresses)
    } else if bridge.topics.is_empty() {
        Some(Combination::BridgeTopics)
    } else if bridge.tls.psk.is_some() && bridge.tls.psk_identity.is_none() {
        Some(Combination::BridgeIdentity)
    } else if bridge.tls.psk_identity.is_some() && bridge.tls.psk.is_none() {
        Some(Combination::BridgePsk)
    } else {
        None
    }
}

fn tls_problem(listener: &ListenerSettings) -> Option<Combination> {
    let tls = &listener.tls;
    if tls.certificate.is_some() != tls.key.is_some() {
        Some(Combination::CertificateAndKey)
    } else if tls.ca_file.is_some() && tls.certificate.is_none() {
        Some(Combination::CaFileAlone)
    } else if tls.ca_folder.is_some() && tls.certificate.is_none() {
        Some(Combination::CaFolderAlone)
    } else if tls.psk_hint.is_some() && tls.certificate.is_some() {
        Some(Combination::ListenerPskBesideCertificates)
    } else {
        None
    }
}

fn proxy_problem(listener: &ListenerSettings) -> Option<Combination> {
    let tls = &listener.tls;
    if listener.proxy != Some(ProxyProtocol::V2) {
        None
    } else if tls.subject_is_user_name {
        Some(Combination::ProxyAndSubject)
    } else if tls.certificate.is_some() || tls.key.is_some() {
        Some(Combination::ProxyAndTls)
    } else {
        None
    }
}
