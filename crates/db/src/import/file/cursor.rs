//! Reading fields from bytes.

use crate::import::problem::SourceProblem;

/// A place in some bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], SourceProblem> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(SourceProblem::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SourceProblem> {
        self.take(N)?.try_into().map_err(|_| SourceProblem::Truncated)
    }

    pub(super) fn u8(&mut self) -> Result<u8, SourceProblem> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, SourceProblem> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, SourceProblem> {
        self.array().map(u32::from_be_bytes)
    }

    /// The number of a message.
    pub(super) fn id(&mut self) -> Result<u64, SourceProblem> {
        self.array().map(u64::from_le_bytes)
    }

    /// A time in seconds since 1970.
    pub(super) fn time(&mut self) -> Result<i64, SourceProblem> {
        self.array().map(i64::from_le_bytes)
    }

    /// Bytes behind their length in two bytes.
    pub(super) fn field(&mut self) -> Result<&'a [u8], SourceProblem> {
        let length = self.u16()?;
        self.take(length.into())
    }

    /// A number of bytes.
    pub(super) fn length(&mut self) -> Result<usize, SourceProblem> {
        usize::try_from(self.u32()?).map_err(|_| SourceProblem::Truncated)
    }

    /// The bytes that are left of a chunk of this length whose content begins at `start`.
    pub(super) fn rest(&mut self, start: usize, length: usize) -> Result<&'a [u8], SourceProblem> {
        let rest = length.checked_sub(self.at - start).ok_or(SourceProblem::ChunkLength)?;
        self.take(rest)
    }
}
