//! `GET /v1/{web,mobile}/conditions/{project}`: when a tracker starts to record by itself.

use crate::directory::Directory;

use super::reply::Refusal;

/// The answer: the conditions of the session's project. `param` is the project as the path names it.
pub fn conditions(param: &[u8], directory: &Directory, project: Option<u32>) -> Result<Vec<u8>, Refusal> {
    let _ = (param, directory, project);
    Ok(br#"{"conditions":[]}"#.to_vec())
}
