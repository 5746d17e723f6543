//! A property section: the checked bytes of a received packet, or a list of values to send.

use core::fmt;

use super::{Entry, Property, PropertyOwner, entry};
use crate::encode::{Sink, Writer};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::{Hidden, Reader, variable_len};
use crate::version::ProtocolVersion;

const AUTHENTICATION_METHOD: u8 = 0x15;
const AUTHENTICATION_DATA: u8 = 0x16;

/// The properties of a packet or of a Will. Empty in MQTT 3.1 and 3.1.1.
///
/// Received properties stay on the wire, checked once; iterating reads them again, in their order. Two sections are equal
/// when they hold the same properties in the same order.
// Plain fields and not an enum of a list and a section: every PUBLISH copies them, and copying an enum is slow.
#[derive(Clone, Copy)]
pub struct Properties<'a> {
    /// Values to send, behind the section.
    list: &'a [Property<'a>],
    /// Bytes that [`Properties::from_section`] has checked.
    section: &'a [u8],
    /// For whom they were checked. `None` without a received section.
    checked_for: Option<PropertyOwner>,
    /// The identifiers in the section, a bit each, so that nobody looks for what is not there.
    present: u64,
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const EMPTY: Self = Self::list(&[]);

    /// Properties to send, in this order. They are checked when they are encoded.
    ///
    /// ```
    /// use martlet_wire::{Properties, Property};
    ///
    /// let list = [Property::TopicAlias(7), Property::UserProperty("unit", "°C")];
    /// assert_eq!(Properties::list(&list).topic_alias(), Some(7));
    /// ```
    pub const fn list(properties: &'a [Property<'a>]) -> Self {
        Self { list: properties, section: &[], checked_for: None, present: 0 }
    }

    /// Checks a received property section, which begins behind the Property Length.
    ///
    /// Takes time in proportion to the length of the section.
    ///
    /// # Errors
    /// Unknown properties, those that do not belong to `owner`, bytes that do not fit their data type, values out of
    /// range, repeats of a property that may stand only once, Authentication Data without a method: see the variants of
    /// [`DecodeError`].
    pub fn from_section(owner: PropertyOwner, section: &'a [u8]) -> Result<Self, DecodeError> {
        let present = check_section(owner, section)?;
        Ok(Self { list: &[], section, checked_for: Some(owner), present })
    }

    /// The same properties with others behind them, for a received message that is passed on.
    ///
    /// The properties of a list are replaced. What is added is checked when it is encoded.
    #[must_use]
    pub const fn with(self, properties: &'a [Property<'a>]) -> Self {
        if properties.is_empty() { self } else { Self { list: properties, ..self } }
    }

    /// Iterates over the properties in their order.
    pub fn iter(&self) -> PropertyIter<'a> {
        PropertyIter { list: self.list, section: self.raw() }
    }

    /// Tells whether there is no property.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty() && self.section.is_empty()
    }

    /// The length of the section in bytes, without the Property Length before it.
    pub fn section_len(&self) -> usize {
        self.list.iter().map(Property::wire_len).fold(self.section.len(), usize::saturating_add)
    }

    /// The bytes of a received section, without the Property Length and what was added. `None` for a list.
    pub const fn wire_section(&self) -> Option<&'a [u8]> {
        if self.checked_for.is_some() { Some(self.section) } else { None }
    }

    /// The values to send, which stand before the received ones.
    pub(super) const fn listed(&self) -> &'a [Property<'a>] {
        self.list
    }

    /// Whether a property with this identifier was received.
    pub(super) const fn is_present(&self, identifier: u8) -> bool {
        self.present & (1 << identifier) != 0
    }

    /// Walks over the received properties.
    pub(super) const fn raw(&self) -> RawIter<'a> {
        RawIter(Reader::new(self.section))
    }

    /// Reads the Property Length and the section behind it; versions before MQTT 5.0 have neither.
    #[inline]
    pub(crate) fn read(
        version: ProtocolVersion,
        owner: PropertyOwner,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError> {
        let checked_for = version.has_properties().then_some(owner);
        let (section, present) = match checked_for {
            None => (&[][..], 0),
            Some(owner) => {
                let len = usize::try_from(reader.variable()?).map_err(|_| DecodeError::Truncated)?;
                let section = reader.take(len)?;
                (section, check_section(owner, section)?)
            }
        };
        Ok(Self { list: &[], section, checked_for, present })
    }

    /// Checks the properties for sending and tells how many bytes they take, Property Length included.
    pub(crate) fn encoded_len(
        &self,
        version: ProtocolVersion,
        owner: PropertyOwner,
    ) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Ok(0);
        }
        // Nothing but a section that the same kind of packet carried needs no second check.
        if !self.list.is_empty() || self.checked_for != Some(owner) {
            self.check(owner)?;
        }
        let len = self.section_len();
        Ok(len.saturating_add(variable_len(len)))
    }

    /// Writes the Property Length and the section [MQTT-2.2.2-1].
    pub(crate) fn write<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        if !version.has_properties() {
            return;
        }
        writer.variable(self.section_len());
        writer.bytes(self.section);
        for property in self.list {
            property.write(writer);
        }
    }

    fn check(&self, owner: PropertyOwner) -> Result<(), EncodeError> {
        for property in self.list {
            property.check()?;
        }
        // The values of a section are in order, whoever carried it.
        let listed = self.list.iter().map(Property::identifier);
        let mut seen = 0_u64;
        for identifier in listed.chain(self.raw().map(|(identifier, _)| identifier)) {
            let entry = entry(u32::from(identifier)).ok_or(EncodeError::Invalid)?;
            let again = seen & (1 << identifier) != 0;
            if !entry.allows(owner) || again && !entry.allows_repeats(owner) {
                return Err(EncodeError::Invalid);
            }
            seen |= 1 << identifier;
        }
        if lacks_authentication_method(seen) { Err(EncodeError::Invalid) } else { Ok(()) }
    }
}

/// Checks a section in one pass, and tells which identifiers it holds, a bit each.
fn check_section(owner: PropertyOwner, section: &[u8]) -> Result<u64, DecodeError> {
    let mut seen = 0_u64;
    let mut reader = Reader::new(section);
    while !reader.is_empty() {
        let (identifier, entry) = read_identifier(&mut reader)?;
        if !entry.allows(owner) {
            entry.take(&mut reader)?; // what is cut off is that first of all
            return Err(DecodeError::PropertyNotAllowed { identifier, owner });
        }
        if seen & (1 << identifier) != 0 && !entry.allows_repeats(owner) {
            return Err(DecodeError::PropertyRepeated { identifier });
        }
        seen |= 1 << identifier;
        Property::read(identifier, &mut reader)?;
    }
    if lacks_authentication_method(seen) {
        Err(DecodeError::AuthenticationDataWithoutMethod)
    } else {
        Ok(seen)
    }
}

/// Reads the identifier of the next property.
fn read_identifier(reader: &mut Reader<'_>) -> Result<(u8, Entry), DecodeError> {
    let identifier = reader.variable()?;
    let unknown = DecodeError::PropertyUnknown { identifier };
    let entry = entry(identifier).ok_or(unknown)?;
    Ok((u8::try_from(identifier).map_err(|_| unknown)?, entry))
}

/// Tells whether a set of identifiers has Authentication Data, but no Authentication Method.
const fn lacks_authentication_method(seen: u64) -> bool {
    seen & (1 << AUTHENTICATION_DATA) != 0 && seen & (1 << AUTHENTICATION_METHOD) == 0
}

/// Walks over a checked section from property to property without reading their values.
#[derive(Clone, Debug)]
pub(super) struct RawIter<'a>(Reader<'a>);

impl<'a> Iterator for RawIter<'a> {
    /// Identifier and value.
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (identifier, entry) = read_identifier(&mut self.0).ok()?;
        Some((identifier, entry.take(&mut self.0).ok()?))
    }
}

/// Iterator over [`Properties`].
#[derive(Clone, Debug)]
pub struct PropertyIter<'a> {
    list: &'a [Property<'a>],
    section: RawIter<'a>,
}

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        if let Some((identifier, value)) = self.section.next() {
            return Property::read(identifier, &mut Reader::new(value)).ok();
        }
        let (first, rest) = self.list.split_first()?;
        self.list = rest;
        Some(*first)
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

/// Shows the properties as a list, and of Authentication Data only its length.
impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for property in self {
            match property {
                Property::AuthenticationData(data) => {
                    list.entry(&format_args!("AuthenticationData({:?})", Hidden(data.len())))
                }
                other => list.entry(&other),
            };
        }
        list.finish()
    }
}
