//! SQLSTATE codes and `io::ErrorKind`s, sorted by what an operator has to do.

use std::io;

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $hint:literal;)*) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PgCause {
            $($(#[$doc])* $name,)*
        }

        impl PgCause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A short name for metrics and health. It never changes.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What an operator can do about it.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

causes! {
    /// No connection, or it broke.
    Unreachable => "unreachable", "check that Postgres runs and that host and port in postgres_string are right";
    /// No answer within the limit; the connection was given up.
    TimedOut => "timed_out", "Postgres takes connections but does not answer: look at its load, its locks and its disk";
    /// The server is starting or shutting down, or is in recovery (57P01 to 57P03, 57P05).
    Restarting => "restarting", "Postgres is starting or stopping; this passes by itself";
    /// 53300, or a pool without a free connection.
    TooManyConnections => "too_many_connections", "raise max_connections, or close connections of others";
    /// 28P01, 28000.
    LoginRefused => "login_refused", "check user and password in postgres_string, and pg_hba.conf";
    /// 3D000.
    NoDatabase => "no_database", "check the name of the database in postgres_string";
    /// 42501.
    NoRight => "no_right", "grant the missing right to the user of postgres_string";
    /// 25006: a standby, or a database that was set read-only; or the server is not what `target_session_attrs` asks for.
    ReadOnly => "read_only", "point postgres_string at the primary, or end the read-only mode";
    /// 53100.
    DiskFull => "disk_full", "free space on the disk of Postgres";
    /// 53200.
    OutOfMemory => "out_of_memory", "Postgres is short of memory";
    /// 55P03, 57014, 40001, 40P01, 55006: a lock, a statement timeout, a deadlock.
    Locked => "locked", "another session holds a lock: look at pg_stat_activity and pg_locks";
    /// 42P01, 3F000.
    NoTable => "no_table", "run OpenReplay's migrations, or check the search_path";
    /// 42703.
    NoColumn => "no_column", "the table's columns have changed";
    /// 42804, 42846, 42883, 0A000: a column has another type than before.
    ChangedType => "changed_type", "the types of the table's columns have changed";
    /// A value that an enum type does not have.
    EnumValue => "enum_value", "add the value to the enum type of the column";
    /// 23502: a column that must not be null got no value.
    NullValue => "null_value", "a column of the table has to be filled and has no default";
    /// 23505: the row is there already.
    Duplicate => "duplicate", "the row is there already";
    /// 23503: what the row refers to is not there.
    Reference => "reference", "the row refers to something that was deleted";
    /// Any other fault of class 22 or 23, or a value that is too large to be stored, or what a trigger raised (P0001): the record is at fault.
    Record => "record", "a value of the record does not fit the table";
    /// TLS can't be agreed on.
    Tls => "tls", "check sslmode, sslrootcert and the server's certificate";
    /// A file that the settings name can't be used.
    Files => "files", "check the files named by sslrootcert, sslcert and sslkey";
    /// A fault of the server that the statement has nothing to do with.
    Server => "server", "look at the log of Postgres";
    /// The server does not take the statement.
    Statement => "statement", "the server does not take the statement: look at the log of Postgres, and at its version";
    /// The peer does not speak the protocol as expected.
    Protocol => "protocol", "check that host and port in postgres_string belong to Postgres or pgbouncer";
}

impl PgCause {
    /// The cause that an SQLSTATE stands for. `routine` is the name of the server's function that raised it, which is in no language.
    pub(super) fn of_sqlstate(code: &str, routine: Option<&str>) -> Self {
        match code {
            "57P01" | "57P02" | "57P03" | "57P05" => Self::Restarting,
            "53300" => Self::TooManyConnections,
            "28P01" | "28000" => Self::LoginRefused,
            "3D000" | "57P04" => Self::NoDatabase,
            "42501" => Self::NoRight,
            "25006" => Self::ReadOnly,
            "53100" => Self::DiskFull,
            "53200" => Self::OutOfMemory,
            "55P03" | "57014" | "40001" | "40P01" | "55006" => Self::Locked,
            "42P01" | "3F000" => Self::NoTable,
            "42703" => Self::NoColumn,
            "42804" | "42846" | "42883" | "0A000" => Self::ChangedType,
            "22P02" | "22P03" if routine == Some("enum_in") || routine == Some("enum_recv") => Self::EnumValue,
            "23502" => Self::NullValue,
            "23505" => Self::Duplicate,
            "23503" => Self::Reference,
            // The statement was cut off in the middle of its values: not a value's fault.
            "08P01" => Self::Protocol,
            // P0001 is what a trigger of the database's own raises about the row.
            "54000" | "P0001" => Self::Record,
            _ => match code.get(..2) {
                Some("22" | "23") => Self::Record,
                Some("08") => Self::Unreachable,
                Some("42" | "26" | "34" | "0L" | "0P" | "54") => Self::Statement,
                _ => Self::Server,
            },
        }
    }

    /// The cause that a system error stands for.
    pub(super) fn of_io(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Protocol,
            _ => Self::Unreachable,
        }
    }

    /// Whether a record is at fault: another record may pass. All others are faults of the destination, and are waited out.
    ///
    /// For [`Self::EnumValue`] and [`Self::NullValue`] that is known only once the table's columns have been read again.
    pub const fn is_of_record(self) -> bool {
        matches!(self, Self::Record | Self::EnumValue | Self::NullValue | Self::Duplicate | Self::Reference)
    }

    /// Whether the table may have changed since its columns were read.
    pub const fn is_of_schema(self) -> bool {
        matches!(self, Self::NoTable | Self::NoColumn | Self::ChangedType | Self::EnumValue | Self::NullValue)
    }
}

#[cfg(test)]
mod tests;
