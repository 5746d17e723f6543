//! Printing one `%`, with its width and precision, as C's `printf` would.

use super::message_json;
use super::{Code, Field, Message, Warning};
use crate::json::Layout;
use crate::property::{PropertyId, Value};

impl Field {
    pub(super) fn write(
        &self,
        message: &Message<'_>,
        pretty: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Warning> {
        match self.code {
            Code::TopicAlias => self.property_number(message, PropertyId::TopicAlias, out),
            Code::MessageExpiry => self.property_number(message, PropertyId::MessageExpiryInterval, out),
            Code::PayloadFormat => self.property_number(message, PropertyId::PayloadFormatIndicator, out),
            Code::SubscriptionId => self.property_number(message, PropertyId::SubscriptionIdentifier, out),
            Code::ContentType => match find(message, PropertyId::ContentType) {
                Some(Value::Text(text)) => self.text(text.as_bytes(), out),
                _ => self.blank(out),
            },
            Code::ResponseTopic => {
                if let Some(Value::Text(text)) = find(message, PropertyId::ResponseTopic) {
                    self.text(text.as_bytes(), out);
                }
            }
            Code::CorrelationData => {
                if let Some(Value::Binary(bytes)) = find(message, PropertyId::CorrelationData) {
                    out.extend_from_slice(bytes);
                }
            }
            Code::UserProperties => user_properties(message, out),
            Code::Length => self.number(&message.payload.len().to_string(), out),
            Code::PacketId => self.number(&message.packet_id.to_string(), out),
            Code::Qos => out.push(b'0' + message.qos),
            Code::Retain => out.push(b'0' + u8::from(message.retain)),
            Code::Topic => self.text(message.topic.as_bytes(), out),
            Code::IsoTime => self.text(message.time.iso().as_bytes(), out),
            Code::UnixTime => out.extend_from_slice(message.time.unix().as_bytes()),
            Code::Payload => self.payload(message.payload, out),
            Code::Hex { upper } => self.hex(message.payload, upper, out),
            Code::Float => {
                let bytes = message.payload.try_into().map_err(|_| Warning::NotFloat)?;
                self.fraction(f32::from_ne_bytes(bytes).into(), out);
            }
            Code::Double => {
                let bytes = message.payload.try_into().map_err(|_| Warning::NotDouble)?;
                self.fraction(f64::from_ne_bytes(bytes), out);
            }
            Code::Json { embed } => {
                let layout = if pretty { Layout::Pretty } else { Layout::Compact };
                out.extend_from_slice(&message_json::of(message, embed)?.to_bytes(layout));
            }
        }
        Ok(())
    }

    fn property_number(&self, message: &Message<'_>, id: PropertyId, out: &mut Vec<u8>) {
        match find(message, id) {
            Some(Value::Number(number)) => self.number(&number.to_string(), out),
            _ => self.blank(out),
        }
    }

    /// What an absent property leaves: its width.
    fn blank(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.width, self.pad());
    }

    /// Digits, perhaps with a sign, which stays in front of zeros.
    fn number(&self, digits: &str, out: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(digits.len());
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", digits),
        };
        let zeros = self.zeros && !self.left && digits.bytes().all(|byte| !byte.is_ascii_alphabetic());
        if zeros {
            out.extend_from_slice(sign.as_bytes());
            out.resize(out.len() + missing, b'0');
            out.extend_from_slice(digits.as_bytes());
            return;
        }
        self.aligned(&[sign.as_bytes(), digits.as_bytes()].concat(), out);
    }

    fn fraction(&self, value: f64, out: &mut Vec<u8>) {
        let text = if value.is_nan() {
            let sign = if value.is_sign_negative() { "-" } else { "" };
            format!("{sign}nan")
        } else {
            format!("{value:.*}", self.precision.unwrap_or(6))
        };
        self.number(&text, out);
    }

    /// Text, cut at the precision. Zeros do not pad it.
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        let length = self.precision.map_or(text.len(), |precision| precision.min(text.len()));
        self.aligned(&text[..length], out);
    }

    fn aligned(&self, text: &[u8], out: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(text.len());
        if !self.left {
            out.resize(out.len() + missing, b' ');
        }
        out.extend_from_slice(text);
        if self.left {
            out.resize(out.len() + missing, b' ');
        }
    }

    /// The payload, cut at the width.
    fn payload(&self, payload: &[u8], out: &mut Vec<u8>) {
        let payload = self.cut(payload);
        let missing = self.width.saturating_sub(payload.len());
        if !self.left {
            out.resize(out.len() + missing, self.pad());
        }
        out.extend_from_slice(payload);
        if self.left {
            out.resize(out.len() + missing, b' ');
        }
    }

    /// Hexadecimal digits; the precision counts those of a group, and what pads on the left counts as digits.
    fn hex(&self, payload: &[u8], upper: bool, out: &mut Vec<u8>) {
        let payload = self.cut(payload);
        let missing = self.width.saturating_sub(payload.len() * 2);
        let alphabet = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let digits = payload
            .iter()
            .flat_map(|byte| [alphabet[usize::from(byte >> 4)], alphabet[usize::from(byte & 0xf)]]);
        let padding = core::iter::repeat_n(self.pad(), if self.left { 0 } else { missing });
        let group = self.precision.unwrap_or(0);
        let mut rest = padding.chain(digits).enumerate().peekable();
        while let Some((place, digit)) = rest.next() {
            out.push(digit);
            if group > 0 && place % group == group - 1 && rest.peek().is_some() {
                out.push(self.separator);
            }
        }
        if self.left {
            out.resize(out.len() + missing, b' ');
        }
    }

    fn cut<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        if self.width > 0 && payload.len() > self.width { &payload[..self.width] } else { payload }
    }

    const fn pad(&self) -> u8 {
        if self.zeros { b'0' } else { b' ' }
    }
}

fn find<'a>(message: &Message<'a>, id: PropertyId) -> Option<&'a Value> {
    message.properties.iter().find(|property| property.id == id).map(|property| &property.value)
}

fn user_properties(message: &Message<'_>, out: &mut Vec<u8>) {
    let mut first = true;
    for property in message.properties {
        if let Value::Pair(name, value) = &property.value {
            if !first {
                out.push(b' ');
            }
            first = false;
            out.extend_from_slice(format!("{name}:{value}").as_bytes());
        }
    }
}
