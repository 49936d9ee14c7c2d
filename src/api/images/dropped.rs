//! The parts of an upload that were dropped because of their names.

/// How much of a dropped part's name the log line shows, in bytes.
const DROPPED_BYTES_MAX: usize = 100;

/// The parts of an upload that were dropped because of their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// The name of the first, cut; bytes other than printable ASCII are replaced by question marks.
    pub first: String,
}

impl Dropped {
    pub(super) fn add(&mut self, name: &[u8]) {
        if self.count == 0 {
            let plain = |&byte: &u8| if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '?' };
            self.first = name.iter().take(DROPPED_BYTES_MAX).map(plain).collect();
        }
        self.count += 1;
    }
}
