//! Reads a file in large pieces, and shows any part of it as one slice.

use crate::disk::DiskFile;

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// After a failed read each block of this size is tried alone.
const BLOCK_BYTES: usize = 4096;

/// A file that is read from its beginning to its end, now and then with a look back.
///
/// Holds [`READ_BYTES`], or as much as the largest part that was asked for. A block that cannot be read is shown as zeros, which
/// are never sound.
#[derive(Debug)]
pub(crate) struct Window<F> {
    file: F,
    length: u64,
    buffer: Vec<u8>,
    start: u64,
    has_failed: bool,
}

impl<F: DiskFile> Window<F> {
    /// Shows the first bytes of a file.
    pub(crate) fn new(file: F, length: u64) -> Self {
        Self { file, length, buffer: Vec::new(), start: 0, has_failed: false }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether a part could not be read so far.
    pub(crate) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The bytes at an offset: as many as asked for, or all that there are.
    pub(crate) fn at(&mut self, offset: u64, count: usize) -> &[u8] {
        let rest = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = count.min(rest);
        if self.held(offset, count).is_none() {
            self.fill(offset, count.max(READ_BYTES).min(rest));
        }
        let from = self.held(offset, count).unwrap_or(0);
        &self.buffer[from..from + count]
    }

    /// Where in the buffer a part begins that is wholly in it.
    fn held(&self, offset: u64, count: usize) -> Option<usize> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        (from.checked_add(count)? <= self.buffer.len()).then_some(from)
    }

    fn fill(&mut self, offset: u64, count: usize) {
        // What was read already moves to the front.
        let kept = match self.held(offset, 0) {
            Some(from) => {
                self.buffer.drain(..from);
                self.buffer.len().min(count)
            }
            None => 0,
        };
        if count <= READ_BYTES && self.buffer.capacity() > 2 * READ_BYTES {
            self.buffer.truncate(kept);
            self.buffer.shrink_to(READ_BYTES);
        }
        self.buffer.resize(count, 0);
        self.start = offset;
        if read_full(&self.file, offset + kept as u64, &mut self.buffer[kept..]).is_err() {
            self.fill_block_by_block(kept);
        }
    }

    fn fill_block_by_block(&mut self, mut from: usize) {
        while from < self.buffer.len() {
            let offset = self.start + from as u64;
            let in_block = usize::try_from(offset % BLOCK_BYTES as u64).unwrap_or(0);
            let end = (from + BLOCK_BYTES - in_block).min(self.buffer.len());
            let block = &mut self.buffer[from..end];
            if read_full(&self.file, offset, block).is_err() {
                block.fill(0);
                self.has_failed = true;
            }
            from = end;
        }
    }
}

/// Fills a buffer; with zeros where the file has ended.
pub(crate) fn read_full(file: &impl DiskFile, mut offset: u64, mut buffer: &mut [u8]) -> std::io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(offset, buffer) {
            Ok(0) => {
                buffer.fill(0);
                break;
            }
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Access, Disk};
    use crate::memory::MemoryDisk;

    fn window(bytes: &[u8], unreadable: core::ops::Range<u64>) -> Window<impl DiskFile + use<>> {
        let disk = MemoryDisk::new(1);
        disk.put("file", bytes);
        disk.set_unreadable("file", unreadable);
        let file = disk.open("file", Access::Read).unwrap();
        Window::new(file, bytes.len() as u64)
    }

    #[test]
    fn any_part_is_shown() {
        let bytes: Vec<u8> = (0..3 * READ_BYTES).map(|n| n.to_le_bytes()[1]).collect();
        let mut window = window(&bytes, 0..0);
        for (offset, count) in
            [(0, 10), (READ_BYTES - 5, 10), (100, 2 * READ_BYTES), (7, 7), (bytes.len() - 3, 3)]
        {
            assert_eq!(window.at(offset as u64, count), &bytes[offset..offset + count]);
        }
        assert_eq!(window.at(bytes.len() as u64 - 3, 10).len(), 3);
        assert_eq!(window.at(bytes.len() as u64 + 3, 10).len(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_zeros() {
        let bytes = [7; 3 * BLOCK_BYTES];
        let mut window = window(&bytes, 5000..5001);
        let mut expected = bytes;
        expected[BLOCK_BYTES..2 * BLOCK_BYTES].fill(0);
        assert_eq!(window.at(0, bytes.len()), expected);
    }

    #[test]
    fn memory_returns_after_a_large_part() {
        let bytes = vec![7; 8 * READ_BYTES];
        let mut window = window(&bytes, 0..0);
        window.at(0, 6 * READ_BYTES);
        window.at(6 * READ_BYTES as u64, 10);
        assert!(window.buffer.capacity() <= 2 * READ_BYTES);
    }
}
