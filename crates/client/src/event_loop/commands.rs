//! What the application wants.

use std::sync::Arc;

use martlet_proto::client::{Failure, Outgoing};
use martlet_wire::{
    PacketType, Properties, Property, PropertyOwner, QoS, ReasonCode, SubscribeRequest, SubscribeRequests,
    SubscriptionOptions, TopicFilter, TopicFilters, TopicName,
};

use super::EventLoop;
use crate::command::{Command, Notice, PublishCommand, Request, SubscribeCommand, Token, UnsubscribeCommand};
use crate::error::{AuthenticateError, PublishError, SubscribeError, UnsubscribeError};
use crate::mailbox::{Mailbox, SubscriptionEnd};
use crate::properties::PropertyList;

impl EventLoop {
    pub(super) fn take_command(&mut self, command: Command) {
        match command {
            Command::Publish(publish) => self.publish(publish),
            Command::Request(request) => self.take_request(request),
            Command::Notice(Notice::Acknowledge(receipt)) => self.protocol.acknowledge(receipt),
            Command::Notice(Notice::Abandon(receipt)) => self.protocol.abandon(receipt),
            Command::Notice(Notice::Dropped { filter, mailbox }) => self.stream_dropped(filter, &mailbox),
            Command::Gone => self.begin_closing(ReasonCode::NORMAL_DISCONNECTION, None),
            Command::PublishesEnded => {}
        }
    }

    fn publish(&mut self, command: PublishCommand) {
        let PublishCommand { topic, payload, qos, retain, properties, reply, stored } = command;
        let owner = PropertyOwner::Packet(PacketType::Publish);
        match (TopicName::parse(&topic), properties.check(owner)) {
            (Ok(topic), Ok(properties)) => {
                let message = Outgoing { topic, payload: &payload, qos, retain, properties };
                if qos > QoS::AtMostOnce {
                    self.journal.publish(stored);
                }
                self.protocol.publish(&message, Token::Publish { qos, reply });
            }
            (Err(error), _) => drop(reply.send(Err(PublishError::TopicName(error)))),
            (_, Err(error)) => drop(reply.send(Err(PublishError::Properties(error)))),
        }
    }

    fn take_request(&mut self, request: Request) {
        match request {
            Request::Disconnect { reason, reply } => self.begin_closing(reason, Some(reply)),
            Request::Reauthenticate(reply) => {
                if let Err((error, reply)) = self.reauthenticate(reply) {
                    let _ = reply.send(Err(error));
                }
            }
            Request::Unsubscribe(mut command) => {
                let is_needed = match &command.mailbox {
                    None => {
                        self.router.end(&command.filter, SubscriptionEnd::Unsubscribed);
                        true
                    }
                    Some(mailbox) => self.router.remove(&command.filter, mailbox),
                };
                if is_needed {
                    self.waiting.push_back(Request::Unsubscribe(command));
                } else if let Some(reply) = command.reply.take() {
                    let _ = reply.send(Ok(ReasonCode::NoSubscriptionExisted));
                }
            }
            request => self.waiting.push_back(request),
        }
    }

    /// A stream is gone: where it was the last of its filter, the server is told.
    fn stream_dropped(&mut self, filter: Box<str>, mailbox: &Arc<Mailbox>) {
        let is_its_request = |request: &Request| matches!(request, Request::Subscribe(it) if Arc::ptr_eq(&it.mailbox, mailbox));
        self.waiting.retain(|request| !is_its_request(request));
        if self.router.remove(&filter, mailbox) {
            let command = UnsubscribeCommand { filter, mailbox: None, reply: None };
            self.waiting.push_back(Request::Unsubscribe(command));
        }
    }

    /// Sends the requests that waited for a connection.
    pub(super) fn send_waiting(&mut self) {
        while self.protocol.is_connected() {
            let Some(request) = self.waiting.pop_front() else { break };
            let refused = match request {
                Request::Subscribe(command) => self.subscribe(command),
                Request::Resubscribe(filter) => self.resubscribe(filter),
                Request::Unsubscribe(command) => self.unsubscribe(command),
                other => return self.take_request(other),
            };
            if let Some(request) = refused {
                self.waiting.push_front(request); // no Packet Identifier is free at the moment
                break;
            }
        }
    }

    fn subscribe(&mut self, command: SubscribeCommand) -> Option<Request> {
        if let Err(error) = self.check_filter(&command.filter) {
            let _ = command.reply.send(Err(error));
            return None;
        }
        self.router.add(&command.filter, command.options, &command.properties, &command.mailbox);
        let (filter, options, properties) =
            (command.filter.clone(), command.options, command.properties.clone());
        let sent =
            self.send_subscribe(&filter, options, &properties, Token::Request(Request::Subscribe(command)));
        match sent {
            Err((Failure::Unsendable, Token::Request(Request::Subscribe(command)))) => {
                self.router.remove(&filter, &command.mailbox);
                let _ = command.reply.send(Err(SubscribeError::TooLarge));
                None
            }
            Err((_, Token::Request(request))) => Some(request),
            Ok(()) | Err(_) => None,
        }
    }

    fn resubscribe(&mut self, filter: Box<str>) -> Option<Request> {
        let entry = self.router.entry(&filter)?;
        let (options, properties) = (entry.options, entry.properties.clone());
        let token = Token::Request(Request::Resubscribe(filter.clone()));
        match self.send_subscribe(&filter, options, &properties, token) {
            Ok(()) => None,
            Err((Failure::Unsendable, _)) => {
                let code = ReasonCode::PacketTooLarge;
                self.router.end(&filter, SubscriptionEnd::Refused { code });
                None
            }
            Err(_) => Some(Request::Resubscribe(filter)),
        }
    }

    fn send_subscribe(
        &mut self,
        filter: &str,
        options: SubscriptionOptions,
        properties: &PropertyList,
        token: Token,
    ) -> Result<(), (Failure, Token)> {
        let Ok(parsed) = TopicFilter::parse(filter) else { return Err((Failure::Unsendable, token)) };
        let request = SubscribeRequest { filter: parsed, options };
        let requests = SubscribeRequests::list(core::slice::from_ref(&request));
        let has_identifiers =
            self.protocol.connection().is_some_and(|connection| connection.subscription_identifier_available);
        let identifier = self.router.entry(filter).and_then(|entry| entry.identifier);
        let identifier = identifier.filter(|_| has_identifiers).map(Property::SubscriptionIdentifier);
        let owner = PropertyOwner::Packet(PacketType::Subscribe);
        let own = properties.check(owner).unwrap_or(Properties::EMPTY);
        self.protocol.subscribe(requests, own.with(identifier.as_slice()), token).map(|_id| ())
    }

    fn unsubscribe(&mut self, command: UnsubscribeCommand) -> Option<Request> {
        let filter = command.filter.clone();
        let token = Token::Request(Request::Unsubscribe(command));
        let sent = match TopicFilter::parse(&filter) {
            Err(_) => Err((Failure::Unsendable, token)),
            Ok(filter) => {
                let filters = TopicFilters::list(core::slice::from_ref(&filter));
                self.protocol.unsubscribe(filters, Properties::EMPTY, token)
            }
        };
        match sent {
            Err((Failure::Unsendable, Token::Request(Request::Unsubscribe(command)))) => {
                if let Some(reply) = command.reply {
                    let _ = reply.send(Err(UnsubscribeError::TooLarge));
                }
                None
            }
            Err((_, Token::Request(request))) => Some(request),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether the server has subscriptions of this kind.
    fn check_filter(&self, filter: &str) -> Result<(), SubscribeError> {
        let filter = TopicFilter::parse(filter).map_err(SubscribeError::TopicFilter)?;
        let Some(connection) = self.protocol.connection() else { return Ok(()) };
        if filter.has_wildcard() && !connection.wildcard_subscription_available {
            return Err(SubscribeError::WildcardsNotSupported);
        }
        if filter.share().is_some() && !connection.shared_subscription_available {
            return Err(SubscribeError::SharedNotSupported);
        }
        Ok(())
    }

    fn reauthenticate(
        &mut self,
        reply: crate::command::Reply<(), AuthenticateError>,
    ) -> Result<(), (AuthenticateError, crate::command::Reply<(), AuthenticateError>)> {
        let Some(authenticator) =
            self.options.authenticator.as_ref().filter(|_| self.options.version.has_properties())
        else {
            return Err((AuthenticateError::NoAuthenticator, reply));
        };
        if !self.protocol.is_connected() {
            return Err((AuthenticateError::NotConnected, reply));
        }
        if self.reauthentication.is_some() {
            return Err((AuthenticateError::Busy, reply));
        }
        let data = authenticator.with(|it| it.begin());
        self.send_auth(ReasonCode::ReAuthenticate, &data);
        self.reauthentication = Some(reply);
        Ok(())
    }

    /// Sends AUTH with the method of the options.
    pub(super) fn send_auth(&mut self, reason: ReasonCode, data: &[u8]) {
        let Some(authenticator) = &self.options.authenticator else { return };
        let method = authenticator.with(|it| it.method().to_owned());
        let mut list = vec![Property::AuthenticationMethod(&method)];
        if !data.is_empty() {
            list.push(Property::AuthenticationData(data));
        }
        self.protocol.authenticate(reason, Properties::list(&list));
    }
}
