//! Header fields that nearly every request has looked up: found while the head is decoded, and not searched for again.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `Authorization`.
    Authorization,
    /// `Content-Encoding`.
    ContentEncoding,
    /// `DataType`.
    DataType,
}

impl Field {
    const ALL: [Self; 3] = [Self::Authorization, Self::ContentEncoding, Self::DataType];

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::ContentEncoding => "content-encoding",
            Self::DataType => "datatype",
        }
    }
}

/// The first line of each, by its number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FirstLines([Option<u8>; Field::ALL.len()]);

impl FirstLines {
    /// None of them.
    pub(super) const NONE: Self = Self([None; Field::ALL.len()]);

    /// Takes header line number `at` into account.
    #[inline]
    pub(super) fn note(&mut self, at: u8, name: &str) {
        for field in Field::ALL {
            if name.len() == field.name().len() && name.eq_ignore_ascii_case(field.name()) {
                self.0[field as usize].get_or_insert(at);
            }
        }
    }

    /// The number of the first line of a field.
    #[inline]
    pub(super) fn of(&self, field: Field) -> Option<usize> {
        self.0[field as usize].map(usize::from)
    }
}
