//! The number of a project that the user names by its key or its number.

use std::path::Path;

use crate::config::PROJECTS_FILE;
use crate::directory::Directory;

use super::error::CliError;

/// The number of the project that the user named by its key or its number.
pub fn number(text: &str, data: &Path) -> Result<u32, CliError> {
    let path = data.join(PROJECTS_FILE);
    let known = Directory::load(&path);
    // Those that a server has read from Postgres.
    let of_database = Directory::load(&Directory::kept_of_database(data));
    let found = [&known, &of_database].into_iter().flatten().find_map(|directory| directory.by_key(text));
    if let Some(project) = found {
        return Ok(project.project_id);
    }
    let unknown = |why: String| CliError::Other(format!("--project {text}: {why}"));
    text.parse().map_err(|_| match &known {
        Ok(_) => unknown(format!("{} has no project with this key", path.display())),
        Err(error) => unknown(error.to_string()),
    })
}
