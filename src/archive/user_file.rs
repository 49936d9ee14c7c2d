//! The sessions of a user, from the files of tables `sessions` and `events`.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::decode::EventKind;
use super::error::ArchiveError;
use super::read_columns::Columns;
use super::table::Table;
use super::tables::events::EVENTS;
use super::tables::sessions::SESSIONS;

/// The tables that name users.
pub const USER_TABLES: [Table; 2] = [SESSIONS, EVENTS];

/// Adds the sessions in a file of one of [`USER_TABLES`], given with its path and its bytes, that belong to one of the users: by the start, or by a
/// message that named the user later.
///
/// # Errors
/// The file can't be read.
pub fn sessions_of_users(
    table: Table,
    path: &Path,
    bytes: Bytes,
    is_wanted: &dyn Fn(&[u8]) -> bool,
    sessions: &mut HashSet<u64>,
) -> Result<(), ArchiveError> {
    let failed = || ArchiveError::parquet(path, "read the file");
    let reader = SerializedFileReader::new(bytes).map_err(failed())?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed())?;
        add_sessions(table, &*group, is_wanted, sessions).map_err(failed())?;
    }
    Ok(())
}

fn add_sessions(
    table: Table,
    group: &dyn RowGroupReader,
    is_wanted: &dyn Fn(&[u8]) -> bool,
    sessions: &mut HashSet<u64>,
) -> Result<(), ParquetError> {
    let columns = Columns::of(group)?;
    let users = if table == SESSIONS {
        columns.texts("user_id")?
    } else {
        let kinds = columns.texts("kind")?;
        let is_user = |kind: &Option<parquet::data_type::ByteArray>| {
            kind.as_ref().is_some_and(|kind| kind.data() == EventKind::User.as_str().as_bytes())
        };
        if !kinds.iter().any(is_user) {
            return Ok(());
        }
        let values = columns.texts("value")?;
        kinds.iter().zip(values).map(|(kind, value)| value.filter(|_| is_user(kind))).collect()
    };
    for (user, session) in users.iter().zip(columns.ints("session_id")?) {
        if user.as_ref().is_some_and(|user| is_wanted(user.data())) {
            sessions.insert(session.cast_unsigned());
        }
    }
    Ok(())
}
