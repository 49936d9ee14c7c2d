//! Which rows of a column have a value.

/// The rows that have a value, and where each one's stands among the values. Rows that have none take nothing.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// A bit a row, from the lowest on.
    words: Vec<u64>,
    /// How many rows before each word have a value.
    before: Vec<usize>,
    count: usize,
}

impl Presence {
    /// Adds a row that has a value, behind those that were added.
    #[inline]
    pub(super) fn add(&mut self, row: usize) {
        let word = row / 64;
        while self.words.len() <= word {
            self.words.push(0);
            self.before.push(self.count);
        }
        self.words[word] |= 1 << (row % 64);
        self.count += 1;
    }

    /// Where the row's value stands among the values; `None` if it has none.
    #[inline]
    pub(super) fn place(&self, row: usize) -> Option<usize> {
        let (word, bit) = (*self.words.get(row / 64)?, 1 << (row % 64));
        (word & bit != 0).then(|| self.before[row / 64] + (word & (bit - 1)).count_ones() as usize)
    }
}

#[cfg(test)]
mod tests;
