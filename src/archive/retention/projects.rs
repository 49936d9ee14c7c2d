//! How many rows of each project a file has.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::archive::error::ArchiveError;
use crate::archive::manifest::FileEntry;
use crate::archive::source::Source;

/// How many values are read at once.
const STEP_ROWS: usize = 4096;

/// The rows of each project, 0 for those of none. Of a file with one project it is known without reading; of others one small column is read.
///
/// # Errors
/// The file can't be read.
pub fn projects_of(source: &Source, file: &FileEntry) -> Result<BTreeMap<u32, u64>, ArchiveError> {
    if file.first_session.0 == file.last_session.0 {
        return Ok([(project(file.first_session.0), file.rows)].into());
    }
    // What is read here is not compared with its hash. The reader is not to end the thread by what damage makes of a file.
    catch_unwind(AssertUnwindSafe(|| read_projects(source, file))).unwrap_or_else(|_| {
        let panicked = ParquetError::General("the reader panicked: the file is damaged".into());
        Err(ArchiveError::Parquet { path: source.path(&file.path), source: panicked })
    })
}

fn read_projects(source: &Source, file: &FileEntry) -> Result<BTreeMap<u32, u64>, ArchiveError> {
    let path = source.path(&file.path);
    let failed = || ArchiveError::parquet(&path, "read the projects of the file");
    let reader = SerializedFileReader::new(file.open(source)?).map_err(failed())?;
    let mut found = BTreeMap::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed())?;
        let ColumnReader::Int64ColumnReader(mut column) = group.get_column_reader(0).map_err(failed())? else {
            return Err(failed()(ParquetError::General("the first column is not the project's number".into())));
        };
        let mut values = Vec::with_capacity(STEP_ROWS);
        loop {
            values.clear();
            let (rows, ..) = column.read_records(STEP_ROWS, None, None, &mut values).map_err(failed())?;
            if rows == 0 {
                break;
            }
            for &value in &values {
                *found.entry(project(value)).or_insert(0) += 1;
            }
        }
    }
    Ok(found)
}

/// A number that is no project's counts as none's.
pub fn project(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
