//! Reads some columns of a file, a row group at a time: what is not asked for is not read from the disk.

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;

use super::column::KEY_COLUMNS;
use super::error::ArchiveError;
use super::read_file::append_group;
use super::rows::TableBuffer;
use super::source::SourceFile;
use super::table::Table;

/// What is known of a row group before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBounds {
    /// The smallest and the largest project.
    pub projects: Option<(i64, i64)>,
    /// When its rows were received, in microseconds: the first and the last time.
    pub received_us: Option<(i64, i64)>,
}

/// Reads the columns of `table`, which may be some of a table's, in the row groups that are `wanted`, and passes each group to `take`. `rows` is how
/// many the file has, as the manifest says; `None` where no manifest does any more.
///
/// # Errors
/// The file can't be read, lacks a column, or has another number of rows; those of `take`.
pub fn scan_file<E: From<ArchiveError>>(
    file: SourceFile,
    table: Table,
    rows: Option<u64>,
    wanted: impl Fn(&GroupBounds) -> bool,
    mut take: impl FnMut(&TableBuffer) -> Result<(), E>,
) -> Result<(), E> {
    let path = file.path().to_owned();
    let failed = || ArchiveError::parquet(&path, "read the file");
    let reader = SerializedFileReader::new(file).map_err(failed())?;
    // A damaged footer must not say how much memory is taken.
    let groups = reader.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()));
    let found = groups.sum::<Result<u64, _>>();
    if rows.is_some_and(|rows| found != Ok(rows)) {
        return Err(ArchiveError::Damaged { path: path.clone() }.into());
    }
    for group in 0..reader.num_row_groups() {
        if !wanted(&bounds(reader.metadata().row_group(group))) {
            continue;
        }
        let mut rows = TableBuffer::new(table);
        let group = reader.get_row_group(group).map_err(failed())?;
        append_group(&*group, &mut rows).map_err(failed())?;
        take(&rows)?;
    }
    Ok(())
}

fn bounds(group: &RowGroupMetaData) -> GroupBounds {
    let [project, _, received] = KEY_COLUMNS;
    let ends = |name: &str| {
        let column = group.columns().iter().find(|column| column.column_descr().name() == name)?;
        match column.statistics()? {
            Statistics::Int64(ends) => ends.min_opt().copied().zip(ends.max_opt().copied()),
            _ => None,
        }
    };
    GroupBounds { projects: ends(project.name), received_us: ends(received.name) }
}
