//! Values of a group. Clients may choose any number of them, so only so many are told apart.

use std::collections::HashMap;

/// How many values are told apart; further ones count together.
pub const NAMES_MAX: usize = 100_000;

/// The most characters of a value.
const LETTERS_MAX: usize = 200;

/// A value of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(u32);

impl Name {
    /// Not known.
    pub const UNKNOWN: Name = Name(u32::MAX);
    /// One of those that are not told apart any more.
    pub const OTHER: Name = Name(u32::MAX - 1);
}

/// The values that were met.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Names {
    /// The name of a text.
    pub fn of(&mut self, text: Option<&str>) -> Name {
        let Some(text) = text else { return Name::UNKNOWN };
        let end = text.char_indices().nth(LETTERS_MAX).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        if let Some(&number) = self.numbers.get(text) {
            return Name(number);
        }
        if self.texts.len() >= NAMES_MAX {
            return Name::OTHER;
        }
        // Far fewer than 2^32.
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        self.texts.push(text.into());
        Name(number)
    }

    /// The text of a name; `None` if it has none.
    pub fn text(&self, name: Name) -> Option<&str> {
        self.texts.get(name.0 as usize).map(|text| &**text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_make_up_is_bounded_in_number_and_in_length() {
        let mut names = Names::default();
        for number in 0..NAMES_MAX + 100 {
            names.of(Some(&number.to_string()));
        }
        assert_eq!(names.of(Some("one more")), Name::OTHER);
        let known = names.of(Some("7"));
        assert_eq!(names.text(known), Some("7"));
        assert_eq!((names.of(None), names.text(Name::UNKNOWN), names.text(Name::OTHER)), (Name::UNKNOWN, None, None));
        let mut names = Names::default();
        let long = names.of(Some(&"ż".repeat(5_000)));
        assert_eq!(names.text(long).unwrap().chars().count(), LETTERS_MAX);
    }
}
