//! Frames: out of them comes a stream of bytes, and a stream of bytes goes into them.
//!
//! Data is never gathered: it is passed on as it comes, whatever frame or message it is part of.

use super::fault::WebSocketFault;
use super::mask::unmask;
use crate::progress::{Progress, Stop};

/// The most bytes that the head of a frame has: two, eight of length, four of mask.
const HEAD_BYTES_MAX: usize = 2 + 8 + 4;
/// The same for frames of the server, which are not masked.
pub(crate) const SENT_HEAD_BYTES_MAX: usize = 2 + 8;
/// The most bytes that a ping, a pong or a close carries.
const CONTROL_BYTES_MAX: u64 = 125;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The code of a close that nothing speaks against.
const NORMAL: u16 = 1000;

/// Both directions of a connection whose request was granted.
#[derive(Debug)]
pub(crate) struct Frames {
    frame_bytes_max: u64,
    /// The head of the frame that begins, as far as it came.
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    /// The opcode of the frame whose content comes.
    frame: Option<u8>,
    /// Bytes of its content that are still to come.
    left: u64,
    /// The mask for the next of them.
    mask: [u8; 4],
    /// A message has begun and is to be continued.
    is_in_message: bool,
    /// What came of the content of a ping or close.
    control: Vec<u8>,
    /// The content of the last ping, which is to be answered. Earlier ones need not be.
    ping: Option<Box<[u8]>>,
    /// The close that is to be sent.
    close: Option<u16>,
    has_closed: bool,
    /// The frame that is being sent.
    sent: SentFrame,
}

/// The frame that is being sent: its head and how much of its content is still to be sent.
#[derive(Debug, Default)]
struct SentFrame {
    head: [u8; SENT_HEAD_BYTES_MAX],
    /// Where the unsent part of the head begins, and where it ends.
    head_begin: u8,
    head_end: u8,
    left: u64,
}

impl Frames {
    pub(crate) fn new(frame_bytes_max: u64) -> Self {
        Self {
            frame_bytes_max,
            head: [0; HEAD_BYTES_MAX],
            head_len: 0,
            frame: None,
            left: 0,
            mask: [0; 4],
            is_in_message: false,
            control: Vec::new(),
            ping: None,
            close: None,
            has_closed: false,
            sent: SentFrame::default(),
        }
    }

    /// Takes received bytes. What they hold for the reader is moved to their start.
    pub(crate) fn receive(&mut self, bytes: &mut [u8]) -> Progress {
        let (mut at, mut count) = (0, 0);
        loop {
            let Some(opcode) = self.frame else {
                match self.take_head(&bytes[at..]) {
                    Ok(used) => at += used,
                    Err(fault) => return self.fail(count, fault),
                }
                if self.frame.is_none() {
                    return Progress { bytes: count, stop: None };
                }
                continue;
            };
            let rest = bytes.len() - at;
            let len = usize::try_from(self.left).map_or(rest, |left| left.min(rest));
            self.mask = unmask(&mut bytes[at..at + len], self.mask);
            if opcode >= CLOSE {
                self.control.extend_from_slice(&bytes[at..at + len]);
            } else {
                bytes.copy_within(at..at + len, count);
                count += len;
            }
            at += len;
            self.left -= len as u64;
            if self.left > 0 {
                return Progress { bytes: count, stop: None };
            }
            self.frame = None;
            match self.end_of_frame(opcode) {
                Ok(false) => {}
                Ok(true) => return Progress::stopped(count, Stop::Ended),
                Err(fault) => return self.fail(count, fault),
            }
        }
    }

    fn fail(&mut self, bytes: usize, fault: WebSocketFault) -> Progress {
        self.close = Some(fault.close_code());
        Progress::stopped(bytes, Stop::Failed(fault.into()))
    }

    /// Takes bytes of a head. When it is complete, the frame begins. Answers how many bytes belong to it.
    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, WebSocketFault> {
        let mut used = 0;
        loop {
            let have = usize::from(self.head_len);
            let wanted = match (have, self.head[1] & !MASKED) {
                (0 | 1, _) => 2,
                (_, 126) => 2 + 2 + 4,
                (_, 127) => 2 + 8 + 4,
                _ => 2 + 4,
            };
            if have >= 2 {
                self.check_head()?;
            }
            if have == wanted {
                self.head_len = 0;
                self.begin_frame(wanted)?;
                return Ok(used);
            }
            let len = (wanted - have).min(bytes.len() - used);
            if len == 0 {
                return Ok(used);
            }
            self.head[have..have + len].copy_from_slice(&bytes[used..used + len]);
            self.head_len += u8::try_from(len).unwrap_or(0); // a head has 14 bytes at most
            used += len;
        }
    }

    /// Checks the first two bytes of a head, which say what kind of frame it is.
    fn check_head(&self) -> Result<(), WebSocketFault> {
        let [first, second, ..] = self.head;
        let opcode = first & OPCODE;
        if first & RESERVED != 0 {
            return Err(WebSocketFault::ReservedBit);
        }
        match opcode {
            CONTINUATION if !self.is_in_message => return Err(WebSocketFault::NothingToContinue),
            BINARY if self.is_in_message => return Err(WebSocketFault::MessageInMessage),
            TEXT => return Err(WebSocketFault::Text),
            CLOSE | PING | PONG if first & FINAL == 0 => return Err(WebSocketFault::FragmentedControl),
            CLOSE | PING | PONG if u64::from(second & !MASKED) > CONTROL_BYTES_MAX => {
                return Err(WebSocketFault::LongControl);
            }
            CONTINUATION | BINARY | CLOSE | PING | PONG => {}
            _ => return Err(WebSocketFault::Opcode(opcode)),
        }
        if second & MASKED == 0 {
            return Err(WebSocketFault::Unmasked);
        }
        Ok(())
    }

    /// Begins the frame whose head of so many bytes is complete and has been checked.
    fn begin_frame(&mut self, head_len: usize) -> Result<(), WebSocketFault> {
        let (head, mask) = self.head[..head_len].split_at(head_len - 4);
        let len = match *head {
            [_, _, high, low] => u64::from(u16::from_be_bytes([high, low])),
            [_, _, ref len @ ..] if len.len() == 8 => {
                len.iter().fold(0, |len, byte| len << 8 | u64::from(*byte))
            }
            _ => u64::from(head[1] & !MASKED),
        };
        if len > self.frame_bytes_max {
            return Err(WebSocketFault::LongFrame { len });
        }
        self.mask.copy_from_slice(mask);
        self.left = len;
        let opcode = self.head[0] & OPCODE;
        if opcode < CLOSE {
            self.is_in_message = self.head[0] & FINAL == 0;
        }
        self.frame = Some(opcode);
        Ok(())
    }

    /// A frame is complete. Answers whether it was the last.
    fn end_of_frame(&mut self, opcode: u8) -> Result<bool, WebSocketFault> {
        if opcode < CLOSE {
            return Ok(false);
        }
        let content = core::mem::take(&mut self.control);
        match opcode {
            PING => self.ping = Some(content.into()),
            CLOSE => {
                self.close = Some(close_code(&content).ok_or(WebSocketFault::Close)?);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    /// Whether there is something to be said besides the stream.
    pub(crate) const fn has_control(&self) -> bool {
        self.ping.is_some() || (self.close.is_some() && !self.has_closed)
    }

    /// What is to be said besides the stream, as frames: the answer to a ping, and a close. Nothing while a frame is being
    /// sent.
    pub(crate) fn take_control(&mut self) -> Option<Vec<u8>> {
        if self.is_sending() || self.has_closed {
            return None;
        }
        if let Some(content) = self.ping.take() {
            return Some(control_frame(PONG, &content));
        }
        let code = self.close.take()?;
        self.has_closed = true;
        Some(control_frame(CLOSE, &code.to_be_bytes()))
    }

    /// Has a close sent, if none was or will be.
    pub(crate) fn finish(&mut self) {
        self.close.get_or_insert(NORMAL);
    }

    /// Whether a frame has begun whose content is not all sent.
    pub(crate) const fn is_sending(&self) -> bool {
        self.sent.head_begin < self.sent.head_end || self.sent.left > 0
    }

    /// Begins a frame with so many bytes, unless one is being sent. Answers what is left of its head, and how many bytes
    /// of content are left.
    pub(crate) fn frame(&mut self, len: u64) -> (&[u8], u64) {
        if !self.is_sending() {
            let (head, head_len) = binary_head(len);
            self.sent = SentFrame { head, head_begin: 0, head_end: head_len, left: len };
        }
        let SentFrame { head, head_begin, head_end, left } = &self.sent;
        (&head[usize::from(*head_begin)..usize::from(*head_end)], *left)
    }

    /// So many bytes of head and content were sent. Answers how many of them were content.
    pub(crate) fn sent(&mut self, count: usize) -> usize {
        let sent = &mut self.sent;
        let of_head = count.min(usize::from(sent.head_end - sent.head_begin));
        sent.head_begin += u8::try_from(of_head).unwrap_or(0); // a head has ten bytes at most
        let of_content = count - of_head;
        sent.left = sent.left.saturating_sub(of_content as u64);
        of_content
    }
}

/// The code of a close; [`NORMAL`] if it has none. `None` if it makes no sense.
fn close_code(content: &[u8]) -> Option<u16> {
    match *content {
        [] => Some(NORMAL),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            let is_known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            (is_known && str::from_utf8(reason).is_ok()).then_some(code)
        }
        [_] => None,
    }
}

/// The head of a whole binary message.
fn binary_head(len: u64) -> ([u8; SENT_HEAD_BYTES_MAX], u8) {
    let mut head = [0; SENT_HEAD_BYTES_MAX];
    head[0] = FINAL | BINARY;
    if let Some(len) = u8::try_from(len).ok().filter(|len| *len < 126) {
        head[1] = len;
        (head, 2)
    } else if let Ok(len) = u16::try_from(len) {
        head[1] = 126;
        head[2..4].copy_from_slice(&len.to_be_bytes());
        (head, 4)
    } else {
        head[1] = 127;
        head[2..].copy_from_slice(&len.to_be_bytes());
        (head, 10)
    }
}

fn control_frame(opcode: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap_or(0); // what came in a control frame has 125 bytes at most
    [&[FINAL | opcode, len][..], content].concat()
}

#[cfg(test)]
mod tests;
