//! What stands between a socket and the bytes that are meant for its reader.
//!
//! Layers take the bytes of a socket and give others: the PROXY protocol, then TLS, then WebSocket. Each is a value
//! without I/O; this module carries the bytes from the socket through all of them, and `sending` carries them back.

mod sending;
mod unsent;

use std::io::{Read, Write};
use std::sync::Arc;

use crate::fault::{Fault, ReadError, Stage};
use crate::introduction::{Introduction, Origin};
use crate::progress::{Progress, Stop};
use crate::proxy::{Proxy, ProxyOptions};
use crate::scratch::Scratch;
use crate::secure::Secure;
use crate::stream::Received;
use crate::websocket::{Accepted, Frames, Refused, Upgrade, WebSocketOptions};

pub use sending::SEALED_BYTES_MAX;
use unsent::Unsent;

/// The layers of one stream.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The PROXY protocol, until its header is complete.
    proxy: Option<Box<Proxy>>,
    secure: Option<Secure>,
    web: Option<Box<Web>>,
    /// What the layers learned of the peer, until someone takes it.
    introduction: Option<Box<Introduction>>,
    /// Bytes for the socket that it has not taken.
    unsent: Unsent,
    /// How many of the sender's bytes are in `unsent`. It has not been told that they are sent.
    promised: usize,
    /// What comes behind the bytes that were read last.
    stop: Option<Box<Stop>>,
    /// The reader was told that nothing comes any more.
    has_stopped: bool,
    /// The peer was told that nothing comes any more.
    has_finished: bool,
}

/// WebSocket.
#[derive(Debug)]
enum Web {
    /// Before its request was granted.
    Upgrade(Upgrade),
    Frames(Frames),
}

impl Layers {
    pub(crate) fn new(
        proxy: Option<ProxyOptions>,
        secure: Option<Secure>,
        web: Option<Arc<WebSocketOptions>>,
    ) -> Self {
        Self {
            proxy: proxy.map(|options| Box::new(Proxy::new(options))),
            secure,
            web: web.map(|options| Box::new(Web::Upgrade(Upgrade::new(options)))),
            introduction: None,
            unsent: Unsent::default(),
            promised: 0,
            stop: None,
            has_stopped: false,
            has_finished: false,
        }
    }

    /// Reads once from the socket. What is meant for the reader comes into `buffer`.
    pub(crate) fn read<S: Read + Write>(
        &mut self,
        socket: &mut S,
        buffer: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Received, ReadError> {
        if let Some(stop) = self.stop.take() {
            return self.end(*stop);
        }
        if self.has_stopped {
            return Ok(Received::End);
        }
        let (received, below) = self.read_below_web(socket, buffer, scratch)?;
        let Received::Some { is_all, .. } = received else { return Ok(received) };
        let Progress { bytes, stop } = self.unframe(below, buffer);
        // If that fails, the next read or write tells.
        let _ = self.flush(socket);
        match stop {
            None => Ok(Received::Some { bytes, is_all }),
            Some(stop) if bytes == 0 => self.end(stop),
            Some(stop) => {
                self.stop = Some(Box::new(stop));
                Ok(Received::Some { bytes, is_all: false })
            }
        }
    }

    /// Reads once from the socket. What is meant for WebSocket comes into `buffer`.
    fn read_below_web<S: Read + Write>(
        &mut self,
        socket: &mut S,
        buffer: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<(Received, Progress), ReadError> {
        let space = buffer.len().min(scratch.raw.len());
        if self.proxy.is_none() && self.secure.is_none() {
            let received = Received::read(socket, &mut buffer[..space])?;
            return Ok((received, Progress { bytes: received.bytes(), stop: None }));
        }
        let raw = &mut scratch.raw[..space];
        let kept = match &self.secure {
            Some(secure) if self.proxy.is_none() => secure.restore(raw).inspect_err(|_| {
                self.has_stopped = true;
            })?,
            _ => 0,
        };
        let received = Received::read(socket, &mut raw[kept..])?;
        let progress = match received {
            Received::Some { bytes, .. } => self.unseal(&mut raw[..kept + bytes], kept, buffer),
            Received::Nothing | Received::End => Progress::NOTHING,
        };
        Ok((received, progress))
    }

    /// Carries raw bytes up through the PROXY protocol and TLS. The first `kept` of them came before.
    fn unseal(&mut self, raw: &mut [u8], kept: usize, buffer: &mut [u8]) -> Progress {
        let mut rest = raw;
        if let Some(proxy) = &mut self.proxy {
            match proxy.receive(rest) {
                Ok(None) => return Progress::NOTHING,
                Ok(Some((len, introduction))) => {
                    self.proxy = None;
                    self.introduction = Some(Box::new(introduction));
                    rest = &mut rest[len..];
                }
                Err(fault) => return Progress::stopped(0, Stop::Failed(Fault::Proxy(fault))),
            }
        }
        let Some(secure) = &mut self.secure else {
            buffer[..rest.len()].copy_from_slice(rest);
            return Progress { bytes: rest.len(), stop: None };
        };
        let was_handshaking = secure.is_handshaking();
        let progress = secure.receive(rest, kept, buffer, self.unsent.bytes());
        if was_handshaking && !secure.is_handshaking() {
            self.introduction.get_or_insert_default().tls = Some(secure.facts());
        }
        progress
    }

    /// Carries bytes that came so far up through WebSocket.
    fn unframe(&mut self, below: Progress, buffer: &mut [u8]) -> Progress {
        let Progress { bytes, stop } = below;
        let progress = match self.web.as_deref_mut() {
            None => Progress { bytes, stop: None },
            Some(Web::Frames(frames)) => frames.receive(&mut buffer[..bytes]),
            Some(Web::Upgrade(upgrade)) => match upgrade.receive(&buffer[..bytes]) {
                Ok(None) => Progress::NOTHING,
                Ok(Some(accepted)) => {
                    let mut frames = Frames::new(upgrade.options().frame_bytes_max);
                    buffer.copy_within(accepted.used..bytes, 0);
                    let progress = frames.receive(&mut buffer[..bytes - accepted.used]);
                    self.upgraded(&accepted, frames);
                    progress
                }
                Err(Refused { fault, response }) => {
                    self.say(response.as_bytes());
                    Progress::stopped(0, Stop::Failed(fault.into()))
                }
            },
        };
        Progress { stop: progress.stop.or(stop), ..progress }
    }

    fn upgraded(&mut self, accepted: &Accepted, frames: Frames) {
        if let Some(address) = accepted.address {
            self.introduction.get_or_insert_default().origin = Some(Origin::Address(address));
        }
        self.web = Some(Box::new(Web::Frames(frames)));
        self.say(accepted.response.as_bytes());
    }

    fn end(&mut self, stop: Stop) -> Result<Received, ReadError> {
        self.has_stopped = true;
        match stop {
            Stop::Ended => Ok(Received::End),
            Stop::Failed(fault) => Err(fault.into()),
        }
    }

    /// What the layers wait for before anything is meant for the reader.
    pub(crate) fn stage(&self) -> Option<Stage> {
        if self.proxy.is_some() {
            Some(Stage::Proxy)
        } else if self.secure.as_ref().is_some_and(Secure::is_handshaking) {
            Some(Stage::Tls)
        } else if matches!(self.web.as_deref(), Some(Web::Upgrade(_))) {
            Some(Stage::WebSocket)
        } else {
            None
        }
    }

    /// What the layers learned of the peer; nothing if it was asked for before.
    pub(crate) fn introduce(&mut self) -> Introduction {
        self.introduction.take().map(|introduction| *introduction).unwrap_or_default()
    }

    /// Whether all layers are through and bytes pass as they are.
    pub(crate) fn are_done(&self) -> bool {
        self.proxy.is_none() && self.secure.is_none() && self.web.is_none() && !self.has_unsent()
    }
}

#[cfg(test)]
mod tests;
