//! The sessions of a user, from the files of tables `sessions` and `events`.

use std::collections::HashSet;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};

use super::decode::EventKind;
use super::error::ArchiveError;
use super::read_columns::{Columns, guarded};
use super::table::Table;
use super::tables::events::EVENTS;
use super::tables::sessions::SESSIONS;

/// The tables that name users.
pub const USER_TABLES: [Table; 2] = [SESSIONS, EVENTS];

/// A file of one of [`USER_TABLES`].
pub struct UserFile {
    reader: Box<dyn FileReader>,
}

impl std::fmt::Debug for UserFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserFile").field("groups", &self.reader.num_row_groups()).finish_non_exhaustive()
    }
}

impl UserFile {
    /// Opens a file, given with its path: its bytes, or where they are read as they are needed.
    ///
    /// # Errors
    /// Its footer can't be read.
    pub fn open<R: ChunkReader + 'static>(path: &Path, file: R) -> Result<Self, ArchiveError> {
        let opened = guarded(|| SerializedFileReader::new(file));
        Ok(Self { reader: Box::new(opened.map_err(ArchiveError::parquet(path, "read the file"))?) })
    }

    /// Adds the sessions in it that belong to one of the users: by the start, or by a message that named the user later. `table` is the file's.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn add_sessions(
        &self,
        table: Table,
        path: &Path,
        is_wanted: &dyn Fn(&[u8]) -> bool,
        sessions: &mut HashSet<u64>,
    ) -> Result<(), ArchiveError> {
        for group in 0..self.reader.num_row_groups() {
            let read = guarded(|| {
                let group = self.reader.get_row_group(group)?;
                add_sessions(table, &*group, is_wanted, sessions)
            });
            read.map_err(ArchiveError::parquet(path, "read the file"))?;
        }
        Ok(())
    }
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
