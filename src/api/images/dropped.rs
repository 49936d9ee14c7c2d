//! Parts of an upload that were left out because of their names.

/// The longest text of a name that was dropped, for the log line.
const DROPPED_BYTES_MAX: usize = 100;

/// Parts that were left out because of their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// The first one's name, cut; bytes that are not printable ASCII are question marks.
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
