//! The operator's own path prefix, which gets past ad blockers that know the usual paths.

/// A path prefix such as `/media/v2`, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Box<[u8]>);

impl Prefix {
    /// A prefix as the settings hold it: empty, or with a leading slash and no trailing one.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// What follows the prefix; `None` if there is no prefix or the path does not begin with it.
    pub fn strip<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        if self.0.is_empty() { None } else { path.strip_prefix(&*self.0) }
    }
}
