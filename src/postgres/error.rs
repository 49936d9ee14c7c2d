//! What can be wrong with a connection string.

/// Why a connection string can't be used. It never repeats a value: the text holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is of neither form.
    #[error("{0}")]
    Form(&'static str),
    /// A percent sign that no two hexadecimal digits follow, or bytes that are not UTF-8.
    #[error("the value of `{keyword}` is not well percent-encoded: write `%25` for `%`, `%40` for `@`, `%2F` for `/`")]
    Encoding {
        /// Whose value.
        keyword: String,
    },
    /// A value that the parameter does not take.
    #[error("`{keyword}` must be {expected}")]
    Value {
        /// Whose value.
        keyword: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A parameter that would restrict or change the connection, and that takeup does not implement.
    #[error("`{keyword}` is not supported: {instead}")]
    Unsupported {
        /// The parameter.
        keyword: String,
        /// What to do instead.
        instead: &'static str,
    },
}
