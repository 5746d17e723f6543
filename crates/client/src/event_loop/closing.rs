//! The end in good order.

use martlet_wire::{Properties, Property, ReasonCode};
use tokio::time::Instant;

use super::journal::Bytes;
use super::{End, EventLoop};
use crate::command::Reply;
use crate::error::DisconnectError;
use crate::link::Link;

/// That the application wants no more.
pub(super) struct Closing {
    pub(super) reason: ReasonCode,
    pub(super) deadline: Instant,
    /// Nobody waits for it when the last handle was dropped.
    pub(super) reply: Option<Reply<(), DisconnectError>>,
}

impl EventLoop {
    /// The application wants no more: nothing new is taken up.
    pub(super) fn begin_closing(&mut self, reason: ReasonCode, reply: Option<Reply<(), DisconnectError>>) {
        if let Some(reply) = reply {
            match &mut self.closing {
                Some(closing) if closing.reply.is_some() => {
                    let _ = reply.send(Err(DisconnectError::Closed));
                    return;
                }
                Some(closing) => {
                    closing.reply = Some(reply);
                    return;
                }
                None => self.closing = Some(self.new_closing(reason, Some(reply))),
            }
        } else if self.closing.is_none() {
            self.closing = Some(self.new_closing(reason, None));
        }
        self.inbox.close();
    }

    fn new_closing(&self, reason: ReasonCode, reply: Option<Reply<(), DisconnectError>>) -> Closing {
        Closing { reason, deadline: Instant::now() + self.options.disconnect_timeout, reply }
    }

    /// Whether all is done that had to be done before DISCONNECT, or the time for it is over.
    pub(super) fn is_ready_to_close(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| {
            let is_done = self.inbox.have_publishes_ended() && self.protocol.unfinished_publishes() == 0;
            is_done && self.waiting.is_empty() || Instant::now() >= closing.deadline
        })
    }

    /// Sends DISCONNECT and closes the connection.
    pub(super) async fn close(&mut self, mut link: Link) -> End {
        if !self.settle().await {
            // What depends on what is not stored is not sent; DISCONNECT does not.
            self.journal.discard();
            self.protocol.take_outgoing();
        }
        let reason = self.closing.as_ref().map_or(ReasonCode::NORMAL_DISCONNECTION, |closing| closing.reason);
        let unfinished = self.protocol.unfinished_publishes();
        let is_connected = self.protocol.is_connected();
        // A Session that began with this process ends with it.
        let ends_session = self.options.clean_start && !self.options.session_expiry.is_zero();
        let expiry = [Property::SessionExpiryInterval(0)];
        let properties = if ends_session { Properties::list(&expiry) } else { Properties::EMPTY };
        self.protocol.disconnect(reason, properties);
        if let Some(Bytes { bytes, replies }) = self.journal.take_ready() {
            link.append(&bytes, replies);
        }
        link.append(&self.protocol.take_outgoing(), core::mem::take(&mut self.unsent));
        let is_sent = link.close(self.options.disconnect_timeout).await;
        self.answer_closing(match unfinished {
            _ if !is_connected => Err(DisconnectError::NotConnected),
            _ if !is_sent => Err(DisconnectError::ConnectionLost),
            0 => Ok(()),
            publishes => Err(DisconnectError::Unfinished { publishes }),
        });
        End::Application
    }

    /// Tells who waits for the end.
    pub(super) fn answer_closing(&mut self, result: Result<(), DisconnectError>) {
        if let Some(reply) = self.closing.as_mut().and_then(|closing| closing.reply.take()) {
            let _ = reply.send(result);
        }
    }
}
