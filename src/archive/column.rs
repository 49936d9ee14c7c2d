//! What a column of a table is.

/// A column: its name, what it holds, and how it is written. Made by the functions below, in a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, which readers see.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether a row may have no value.
    pub nullable: bool,
    /// Whether values repeat so often that a file lists each once.
    pub dictionary: bool,
    /// Whether a row group has a Bloom filter of the values.
    pub bloom: bool,
    /// Whether footers and page indexes hold the smallest and the largest value. Never for what people sent: those values would be copied out of
    /// the pages.
    pub statistics: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// `BOOLEAN`.
    Bool,
    /// `INT64`.
    Int,
    /// `INT64` as `TIMESTAMP(MICROS, UTC)`.
    Time,
    /// `BYTE_ARRAY` as `STRING`.
    Text,
    /// `BYTE_ARRAY`.
    Bytes,
}

impl Column {
    /// A column of flags.
    pub const fn bool(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Bool)
    }

    /// A column of whole numbers.
    pub const fn int(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Int)
    }

    /// A column of times.
    pub const fn time(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Time)
    }

    /// A column of texts.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Text)
    }

    /// A column of bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Bytes)
    }

    const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind, nullable: false, dictionary: false, bloom: false, statistics: false }
    }

    /// A row may have no value.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Values repeat.
    #[must_use]
    pub const fn dictionary(mut self) -> Self {
        self.dictionary = true;
        self
    }

    /// Row groups have a Bloom filter of the values.
    #[must_use]
    pub const fn bloom(mut self) -> Self {
        self.bloom = true;
        self
    }

    /// Footers and page indexes hold the smallest and the largest value.
    #[must_use]
    pub const fn statistics(mut self) -> Self {
        self.statistics = true;
        self
    }
}

/// The first three columns of every table, by which its rows are sorted.
pub const KEY_COLUMNS: [Column; 3] = [
    Column::int("project_id").dictionary().statistics(),
    Column::int("session_id").dictionary().bloom().statistics(),
    Column::time("received_at").dictionary().statistics(),
];
