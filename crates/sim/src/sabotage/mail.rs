//! The layout of what goes between shards, as far as it takes to find the numbers in it.

/// Sets the number of each message of a batch to 0, which says that it is new. What cannot be read stays as it is.
pub(super) fn make_new(batch: &mut [u8]) {
    let mut numbers = Vec::new();
    let mut reader = Reader { bytes: batch, at: 0 };
    while let Some(number) = reader.item() {
        numbers.extend(number);
    }
    for at in numbers {
        batch[at..at + NUMBER_BYTES].fill(0);
    }
}

const MESSAGE: u8 = 1;
const NUMBER_BYTES: usize = 8;
/// The flag of a message that has a time of expiry behind it.
const EXPIRES: u8 = 0x10;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Passes an item over; tells where its number stands, if it is a message.
    #[expect(clippy::option_option, reason = "no item is left; an item without a number; an item with one")]
    fn item(&mut self) -> Option<Option<usize>> {
        let kind = *self.take(1)?.first()?;
        let number = self.at;
        self.take(NUMBER_BYTES)?;
        if kind != MESSAGE {
            return Some(None);
        }
        let flags = *self.take(2)?.first()?;
        // Publisher, Topic Name, properties, payload.
        for _ in 0..4 {
            self.field()?;
        }
        for _ in 0..self.len()? {
            self.field()?;
        }
        if flags & EXPIRES != 0 {
            self.take(8)?;
        }
        Some(Some(number))
    }

    fn field(&mut self) -> Option<()> {
        let len = self.len()?;
        self.take(len).map(|_| ())
    }

    fn len(&mut self) -> Option<usize> {
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(taken)
    }
}
