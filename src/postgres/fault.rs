//! What went wrong with Postgres.

use std::error::Error as _;
use std::fmt;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

use super::codes::PgCause;

/// The longest text of a server that is kept, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// A fault. Its cause comes from codes alone; its text is for people, is cut to a bound, and holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgFault {
    cause: PgCause,
    sqlstate: Option<String>,
    text: String,
    /// Boxed, as most faults have none.
    names: Option<Box<Names>>,
    ends_connection: bool,
}

/// What the server says the fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    table: Option<String>,
    column: Option<String>,
    constraint: Option<String>,
}

impl PgFault {
    pub(super) fn new(cause: PgCause, text: impl Into<String>) -> Self {
        Self { cause, sqlstate: None, text: short(&text.into()), names: None, ends_connection: true }
    }

    pub(super) fn of_io(error: &io::Error, doing: &str) -> Self {
        Self::new(PgCause::of_io(error.kind()), format!("{doing}: {error}"))
    }

    /// A fault of the library's, by what it wraps.
    pub(super) fn of(error: &Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::of_server(db);
        }
        let mut source = error.source();
        while let Some(inner) = source {
            if inner.is::<rustls::Error>() {
                return Self::new(PgCause::Tls, inner.to_string());
            }
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                // `io::Error` hides what it wraps from `source` if it was made from it.
                return match io.get_ref().filter(|wrapped| wrapped.is::<rustls::Error>()) {
                    Some(tls) => Self::new(PgCause::Tls, tls.to_string()),
                    None => Self::of_io(io, "the connection broke"),
                };
            }
            source = inner.source();
        }
        if error.is_closed() {
            return Self::new(PgCause::Unreachable, "the connection is closed");
        }
        Self::new(PgCause::Protocol, error.to_string())
    }

    /// A fault of an attempt with TLS: what has no code is TLS's.
    pub(super) fn of_handshake(self) -> Self {
        match self.cause {
            PgCause::Protocol if self.sqlstate.is_none() => Self { cause: PgCause::Tls, ..self },
            _ => self,
        }
    }

    fn of_server(error: &DbError) -> Self {
        let name = |name: Option<&str>| name.map(short);
        let names =
            Names { table: name(error.table()), column: name(error.column()), constraint: name(error.constraint()) };
        Self {
            cause: PgCause::of_sqlstate(error.code().code(), error.routine()),
            sqlstate: Some(error.code().code().to_owned()),
            text: short(error.message()),
            names: Some(Box::new(names)),
            ends_connection: matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic)),
        }
    }

    /// What went wrong.
    pub fn cause(&self) -> PgCause {
        self.cause
    }

    /// A short name of the cause, for metrics and health. It never changes.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }

    /// The text, for people, without the server's code.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The server's code, if the server told of it.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> &'static str {
        self.cause.hint()
    }

    /// See [`PgCause::is_of_record`].
    pub fn is_of_record(&self) -> bool {
        self.cause.is_of_record()
    }

    /// See [`PgCause::is_of_schema`].
    pub fn is_of_schema(&self) -> bool {
        self.cause.is_of_schema()
    }

    /// The table that the server names.
    pub fn table(&self) -> Option<&str> {
        self.names.as_ref()?.table.as_deref()
    }

    /// The column that the server names: for [`PgCause::NullValue`], the one without a value.
    pub fn column(&self) -> Option<&str> {
        self.names.as_ref()?.column.as_deref()
    }

    /// The constraint that the server names: for [`PgCause::Duplicate`], the unique one.
    pub fn constraint(&self) -> Option<&str> {
        self.names.as_ref()?.constraint.as_deref()
    }

    /// Whether the connection can't be used any more.
    pub(super) fn ends_connection(&self) -> bool {
        self.ends_connection
    }
}

impl fmt::Display for PgFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)?;
        match &self.sqlstate {
            Some(code) => write!(out, " (SQLSTATE {code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PgFault {}

/// One line of bounded length.
fn short(text: &str) -> String {
    let visible = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(TEXT_CHARS_MAX).map(visible).collect()
}
