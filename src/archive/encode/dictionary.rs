//! Which values a column chunk has, each once.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::archive::text_set::TextSet;

/// The values of a chunk as `PLAIN` has them, and for each row's value, which of them it is.
#[derive(Default)]
pub(super) struct Dictionary {
    /// The values, in the order in which rows have them first.
    pub(super) plain: Vec<u8>,
    /// How many they are.
    pub(super) count: u32,
    /// The number of each row's value.
    pub(super) numbers: Vec<u32>,
    /// The number here of a text that has another one among the texts of the chunk's rows.
    of_text: Vec<u32>,
    of_int: HashMap<i64, u32, RandomState>,
}

/// Of a text that no row has had.
const NONE: u32 = u32::MAX;

impl Dictionary {
    fn clear(&mut self) {
        self.plain.clear();
        self.numbers.clear();
        self.count = 0;
    }

    /// Takes in values, given as numbers of texts. `false`: they take more than `bytes_max`, and it is of no use.
    pub(super) fn of_texts(&mut self, values: impl Iterator<Item = u32>, texts: &TextSet, bytes_max: usize) -> bool {
        self.clear();
        self.of_text.clear();
        self.of_text.resize(texts.len(), NONE);
        for text in values {
            let number = &mut self.of_text[text as usize];
            if *number == NONE {
                *number = self.count;
                self.count += 1;
                let text = texts.get(text);
                // A text of the archive has some KiB at most, a name of a column less.
                self.plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
                self.plain.extend_from_slice(text.as_bytes());
                if self.plain.len() > bytes_max {
                    return false;
                }
            }
            self.numbers.push(*number);
        }
        true
    }

    /// Takes in whole numbers. `false`: they take more than `bytes_max`, or most differ.
    pub(super) fn of_ints(&mut self, values: impl Iterator<Item = i64>, bytes_max: usize) -> bool {
        self.clear();
        self.of_int.clear();
        let mut last = None;
        for value in values {
            // Rows are sorted by session, so most have the number of the row before.
            let number = match last {
                Some((known, number)) if known == value => number,
                _ => *self.of_int.entry(value).or_insert_with(|| {
                    self.plain.extend_from_slice(&value.to_le_bytes());
                    self.count += 1;
                    self.count - 1
                }),
            };
            if self.plain.len() > bytes_max {
                return false;
            }
            last = Some((value, number));
            self.numbers.push(number);
        }
        // A number is as short as its place would be, unless many have it.
        self.count as usize <= self.numbers.len().div_ceil(2)
    }
}
