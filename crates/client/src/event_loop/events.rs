//! What the protocol tells.

use std::sync::Arc;

use martlet_proto::client::{self, Event, Incoming};
use martlet_wire::{PacketType, Properties, QoS, ReasonCode};

use super::EventLoop;
use crate::command::{Request, Token};
use crate::error::{ConnectError, Lost, PublishError, ServerReason, SubscribeError, UnsubscribeError};
use crate::mailbox::SubscriptionEnd;
use crate::message::Claim;
use crate::publish::Published;
use crate::state::{Connection, State, section};

impl EventLoop {
    /// Takes everything that the protocol tells.
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.protocol.poll() {
            match event {
                Event::ConnAck { reason, session_present, properties } => {
                    self.connack(reason, session_present, properties);
                }
                Event::Message(incoming) => self.message(incoming),
                Event::Published { token, reason, .. } => self.published(token, reason),
                Event::Unpublished { token, error } => self.unpublished(token, error),
                Event::Answered { token, codes } => {
                    self.answered(token, codes.first().copied().unwrap_or(ReasonCode::Success));
                }
                Event::RequestLost(token) => self.request_lost(token),
                Event::Auth { reason, properties } => self.auth(reason, &properties),
                Event::Disconnected { reason, properties } => {
                    let reason = server_reason(reason, section(PacketType::Disconnect, &properties));
                    self.lose(Lost::Disconnected(reason));
                }
                Event::Failed(misbehaved) => self.lose(Lost::Misbehaved(misbehaved)),
                _ => {}
            }
        }
    }

    /// The connection is to be given up. The first reason counts.
    pub(super) fn lose(&mut self, lost: Lost) {
        self.lost.get_or_insert(lost);
    }

    fn connack(&mut self, reason: ReasonCode, session_present: bool, properties: Box<[u8]>) {
        let read = section(PacketType::ConnAck, &properties);
        if reason != ReasonCode::Success {
            return self.lose(Lost::Connect(ConnectError::Refused(server_reason(reason, read))));
        }
        if let Some(authenticator) = &self.options.authenticator
            && let Some(data) = read.authentication_data()
            && let Err(failed) = authenticator.with(|it| it.finish(data))
        {
            return self.lose(Lost::Connect(ConnectError::Authentication(failed)));
        }
        if let Some(assigned) = read.assigned_client_identifier() {
            assigned.clone_into(&mut self.client_identifier);
        }
        if !session_present {
            self.waiting.retain(|request| !matches!(request, Request::Resubscribe(_)));
            // In front of what was asked for meanwhile, so that an UNSUBSCRIBE that waits has the last word.
            for filter in self.router.answered_filters().rev() {
                self.waiting.push_front(Request::Resubscribe(filter.into()));
            }
        }
        self.is_first = false;
        self.backoff.reset();
        let client_identifier = self.client_identifier.clone();
        let connection = Connection { client_identifier, session_present, properties };
        self.state.send_replace(State::Connected(Arc::new(connection)));
        if let Some(ready) = self.ready.take() {
            // Nobody may be waiting; then the handles are gone too, and the client ends by that.
            let _ = ready.send(Ok(core::mem::take(&mut self.restored)));
        }
    }

    fn message(&mut self, incoming: Incoming) {
        let is_manual = self.options.manual_acknowledgement;
        let claim = incoming.receipt.map(|receipt| Claim::new(receipt, is_manual, self.notices.clone()));
        self.router.deliver(incoming, claim);
    }

    fn published(&mut self, token: Token, code: ReasonCode) {
        match token {
            // It has been written into a buffer, and counts as sent when that is.
            Token::Publish { qos: QoS::AtMostOnce, reply } => self.unsent.push(reply),
            Token::Publish { reply, .. } => {
                let is_refused = code.is_error();
                let _ = reply.send(if is_refused {
                    Err(PublishError::Refused { code })
                } else {
                    Ok(Published { code })
                });
            }
            Token::Request(_) => {}
        }
    }

    fn unpublished(&self, token: Token, error: client::PublishError) {
        let Token::Publish { reply, .. } = token else { return };
        let _ = reply.send(Err(match error {
            client::PublishError::QosNotSupported => PublishError::QosNotSupported,
            client::PublishError::RetainNotSupported => PublishError::RetainNotSupported,
            client::PublishError::NotKept => self.journal.not_stored_error(),
            _ => PublishError::TooLarge,
        }));
    }

    fn answered(&mut self, token: Token, code: ReasonCode) {
        match token {
            Token::Request(Request::Subscribe(command)) => {
                if code.is_error() {
                    self.router.remove(&command.filter, &command.mailbox);
                    let _ = command.reply.send(Err(SubscribeError::Refused { code }));
                } else {
                    self.router.answered(&command.filter);
                    command.mailbox.open();
                    let _ = command.reply.send(Ok(code));
                }
            }
            Token::Request(Request::Resubscribe(filter)) if code.is_error() => {
                self.router.end(&filter, SubscriptionEnd::Refused { code });
            }
            Token::Request(Request::Unsubscribe(command)) => {
                if let Some(reply) = command.reply {
                    let _ = reply.send(if code.is_error() {
                        Err(UnsubscribeError::Refused { code })
                    } else {
                        Ok(code)
                    });
                }
            }
            Token::Request(_) | Token::Publish { .. } => {}
        }
    }

    /// The connection ended before the answer came: the request is repeated on the next one.
    fn request_lost(&mut self, token: Token) {
        match token {
            Token::Request(request) => {
                // In front of those that were never sent, and behind those sent before it.
                self.waiting.insert(self.repeated.min(self.waiting.len()), request);
                self.repeated += 1;
            }
            Token::Publish { .. } => {}
        }
    }

    fn auth(&mut self, reason: ReasonCode, properties: &[u8]) {
        let Some(authenticator) = self.options.authenticator.clone() else {
            return self.lose(Lost::Misbehaved(crate::PeerMisbehaved::UnexpectedPacket(PacketType::Auth)));
        };
        let properties = section(PacketType::Auth, properties);
        let data = properties.authentication_data().unwrap_or_default();
        let outcome = if reason == ReasonCode::ContinueAuthentication {
            authenticator
                .with(|it| it.answer(data))
                .map(|answer| self.send_auth(ReasonCode::ContinueAuthentication, &answer))
        } else {
            authenticator.with(|it| it.finish(data)).map(|()| {
                if let Some(reply) = self.reauthentication.take() {
                    let _ = reply.send(Ok(()));
                }
            })
        };
        if let Err(failed) = outcome {
            let is_connected = self.protocol.is_connected();
            let lost = Lost::Connect(ConnectError::Authentication(failed));
            self.lose(if is_connected { Lost::Authentication(failed) } else { lost });
        }
    }
}

fn server_reason(code: ReasonCode, properties: Properties<'_>) -> ServerReason {
    ServerReason {
        code,
        text: properties.reason_string().map(str::to_owned),
        server_reference: properties.server_reference().map(str::to_owned),
    }
}
