//! Topic Names and Topic Filters: the rules they obey, and which filter matches which name.
//!
//! Characters are compared as they are, without any normalization [MQTT-4.7.3-4]. Who is subscribed to what is not known
//! here.

use core::fmt;

use crate::error::DecodeError;
use crate::primitive::{FIELD_BYTES_MAX, utf8};

/// The beginning of a Shared Subscription's Topic Filter [MQTT-4.8.2-1].
const SHARE_PREFIX: &str = "$share/";

/// What is wrong with a Topic Name or a Topic Filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicError {
    /// It has no character [MQTT-4.7.3-1].
    Empty,
    /// It holds U+0000 [MQTT-4.7.3-2].
    Null,
    /// It has more than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// A Topic Name holds `+` or `#` [MQTT-4.7.0-1].
    WildcardInName,
    /// A Topic Filter has `+` or `#` at a place where they may not stand [MQTT-4.7.1-1] [MQTT-4.7.1-2].
    WildcardPlace,
    /// A Share Name is empty, holds a wildcard, or no filter follows it [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    ShareName,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Null => "it holds the character U+0000",
            Self::TooLong => "it has more than 65535 bytes",
            Self::WildcardInName => "it holds a wildcard",
            Self::WildcardPlace => "a wildcard stands at a wrong place",
            Self::ShareName => "its Share Name is empty, holds a wildcard, or ends the filter",
        })
    }
}

impl core::error::Error for TopicError {}

/// The name that a message is published under: 1 to 65,535 bytes of UTF-8 without wildcards and U+0000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Checks a Topic Name.
    ///
    /// ```
    /// use martlet_wire::{TopicError, TopicName};
    ///
    /// assert_eq!(TopicName::parse("sport/tennis")?.levels().count(), 2);
    /// assert_eq!(TopicName::parse("sport/#"), Err(TopicError::WildcardInName));
    /// # Ok::<(), TopicError>(())
    /// ```
    ///
    /// # Errors
    /// [`TopicError::Empty`] [MQTT-4.7.3-1], [`TopicError::TooLong`] [MQTT-4.7.3-3], [`TopicError::Null`] [MQTT-4.7.3-2],
    /// [`TopicError::WildcardInName`] [MQTT-3.3.2-2].
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        // Without a branch in it the loop runs over many bytes at once.
        let forbidden = |byte: u8| u8::from(byte == 0) | u8::from(byte == b'+') | u8::from(byte == b'#');
        if text.as_bytes().iter().fold(0, |found, &byte| found | forbidden(byte)) != 0 {
            return Err(if text.contains('\0') { TopicError::Null } else { TopicError::WildcardInName });
        }
        match text.len() {
            0 => Err(TopicError::Empty),
            1..=FIELD_BYTES_MAX => Ok(Self(text)),
            _ => Err(TopicError::TooLong),
        }
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Iterates over the levels: the texts between the slashes, which may be empty.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = &'a str> + Clone + use<'a> {
        self.0.split('/')
    }

    /// Reads the bytes of a string field.
    #[inline]
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse(utf8(bytes)?).map_err(|error| match error {
            TopicError::Null => DecodeError::NullCharacter,
            other => DecodeError::TopicName(other),
        })
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a subscription asks for: a pattern of Topic Names, with the `$share/NAME/` of a Shared Subscription before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter<'a> {
    text: &'a str,
    /// Where the pattern begins in the text: behind `$share/NAME/`, or at 0.
    filter_start: u16,
}

impl<'a> TopicFilter<'a> {
    /// Checks a Topic Filter: wildcards, and the `$share/NAME/` of a Shared Subscription.
    ///
    /// 1 to 65,535 bytes of UTF-8. Characters are never normalized: two spellings of `é` are two filters [MQTT-4.7.3-4].
    ///
    /// ```
    /// use martlet_wire::{TopicError, TopicFilter};
    ///
    /// let filter = TopicFilter::parse("$share/readers/sport/+")?;
    /// assert_eq!(filter.share(), Some("readers"));
    /// assert_eq!(filter.filter(), "sport/+");
    /// assert_eq!(TopicFilter::parse("sport+"), Err(TopicError::WildcardPlace));
    /// # Ok::<(), TopicError>(())
    /// ```
    ///
    /// # Errors
    /// [`TopicError::Empty`] for an empty text and for nothing behind `$share/NAME/` [MQTT-4.7.3-1],
    /// [`TopicError::TooLong`] [MQTT-4.7.3-3], [`TopicError::Null`] [MQTT-4.7.3-2], [`TopicError::WildcardPlace`] for `a#`
    /// or `#/a` [MQTT-4.7.1-1] and for `a+` [MQTT-4.7.1-2], [`TopicError::ShareName`] [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        if text.len() > FIELD_BYTES_MAX {
            return Err(TopicError::TooLong);
        }
        if text.contains('\0') {
            return Err(TopicError::Null);
        }
        let filter = match text.strip_prefix(SHARE_PREFIX) {
            None => text,
            Some(shared) => {
                let (name, filter) = shared.split_once('/').ok_or(TopicError::ShareName)?;
                if name.is_empty() || name.contains(['+', '#']) {
                    return Err(TopicError::ShareName);
                }
                filter
            }
        };
        check_pattern(filter)?;
        let filter_start = u16::try_from(text.len() - filter.len()).map_err(|_| TopicError::TooLong)?;
        Ok(Self { text, filter_start })
    }

    /// The whole text, as a client sends it.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The Share Name of a Shared Subscription.
    pub fn share(&self) -> Option<&'a str> {
        let end = usize::from(self.filter_start).checked_sub(1)?;
        self.text.get(SHARE_PREFIX.len()..end)
    }

    /// The pattern: the text without the `$share/NAME/` of a Shared Subscription.
    pub fn filter(&self) -> &'a str {
        self.text.get(usize::from(self.filter_start)..).unwrap_or_default()
    }

    /// Tells whether the pattern has a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.filter().contains(['+', '#'])
    }

    /// Tells whether the pattern matches a Topic Name.
    ///
    /// A wildcard in the first place does not match a Topic Name that begins with `$` [MQTT-4.7.2-1]. `sport/#` matches
    /// `sport` too. Takes time in proportion to the two lengths.
    pub fn matches(&self, topic: TopicName<'_>) -> bool {
        let filter = self.filter();
        if topic.as_str().starts_with('$') && filter.starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.levels();
        for level in filter.split('/') {
            match level {
                "#" => return true,
                "+" if names.next().is_some() => {}
                exact if names.next() == Some(exact) => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }

    /// Reads the bytes of a string field.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse(utf8(bytes)?).map_err(|error| match error {
            TopicError::Null => DecodeError::NullCharacter,
            other => DecodeError::TopicFilter(other),
        })
    }
}

/// Checks that each wildcard fills its level, and that `#` fills the last one.
fn check_pattern(filter: &str) -> Result<(), TopicError> {
    if filter.is_empty() {
        return Err(TopicError::Empty);
    }
    if !filter.contains(['+', '#']) {
        return Ok(());
    }
    let mut levels = filter.split('/');
    while let Some(level) = levels.next() {
        match level {
            "+" => {}
            "#" if levels.clone().next().is_none() => {}
            other if !other.contains(['+', '#']) => {}
            _ => return Err(TopicError::WildcardPlace),
        }
    }
    Ok(())
}

impl fmt::Debug for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicFilter").field(&self.text).finish()
    }
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests;
