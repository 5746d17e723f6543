//! What stands between a socket and the bytes that are meant for its reader.
//!
//! Layers take the bytes of a socket and give others: the PROXY protocol. Each is a value without I/O; this module
//! carries the bytes from the socket through all of them, and back.

use std::io::{Read, Write};

use crate::fault::{Fault, ReadError, Stage};
use crate::introduction::Introduction;
use crate::proxy::{Proxy, ProxyOptions};
use crate::scratch::Scratch;
use crate::stream::{Received, retrying};

/// The layers of one stream.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The PROXY protocol, until its header is complete.
    proxy: Option<Proxy>,
    /// What the layers learned of the peer, until someone takes it.
    introduction: Option<Box<Introduction>>,
    has_failed: bool,
}

impl Layers {
    pub(crate) fn new(proxy: Option<ProxyOptions>) -> Self {
        Self { proxy: proxy.map(Proxy::new), introduction: None, has_failed: false }
    }

    /// Reads once from the socket. What is meant for the reader comes into `buffer`.
    pub(crate) fn read<S: Read + Write>(
        &mut self,
        socket: &mut S,
        buffer: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Received, ReadError> {
        if self.has_failed {
            return Ok(Received::End);
        }
        let Some(proxy) = &mut self.proxy else { return Ok(Received::read(socket, buffer)?) };
        let space = buffer.len().min(scratch.raw.len());
        let raw = &mut scratch.raw[..space];
        let Some(count) = retrying(|| socket.read(raw))? else { return Ok(Received::Nothing) };
        if count == 0 {
            return Ok(Received::End);
        }
        let is_all = Received::is_all(count, space);
        match proxy.receive(&raw[..count]) {
            Ok(None) => Ok(Received::Some { bytes: 0, is_all }),
            Ok(Some((len, introduction))) => {
                self.proxy = None;
                self.introduction = Some(Box::new(introduction));
                buffer[..count - len].copy_from_slice(&raw[len..count]);
                Ok(Received::Some { bytes: count - len, is_all })
            }
            Err(fault) => {
                self.has_failed = true;
                Err(Fault::Proxy(fault).into())
            }
        }
    }

    /// What the layers wait for before anything is meant for the reader.
    pub(crate) const fn stage(&self) -> Option<Stage> {
        if self.proxy.is_some() { Some(Stage::Proxy) } else { None }
    }

    /// What the layers learned of the peer; nothing if it was asked for before.
    pub(crate) fn introduce(&mut self) -> Introduction {
        self.introduction.take().map(|introduction| *introduction).unwrap_or_default()
    }
}
