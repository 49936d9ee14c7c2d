//! `GET /v1/web/tags`: the elements that a page's tracker should watch.

use crate::codec::json::{write_integer, write_string};
use crate::directory::Directory;

use super::refusal::Refusal;

/// The answer to `GET /v1/web/tags`.
pub fn tags(directory: &Directory, project: Option<u32>) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    write_tags(&mut out, directory, project);
    Ok(out)
}

/// Writes a project's `{"tags":[…]}`. A session whose project is unknown gets an empty list: an error would hold up 12.x trackers, which
/// wait for this answer before they record.
pub fn write_tags(out: &mut Vec<u8>, directory: &Directory, project: Option<u32>) {
    let tags = project.and_then(|id| directory.by_id(id)).map_or(&[][..], |project| &project.tags);
    out.extend_from_slice(b"{\"tags\":[");
    for (at, tag) in tags.iter().filter(|tag| tag.deleted_at.is_none()).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"id\":");
        write_integer(out, i128::from(tag.tag_id));
        out.extend_from_slice(b",\"selector\":");
        write_string(out, &tag.selector);
        out.extend_from_slice(b",\"icr\":");
        write_bool(out, tag.ignore_click_rage);
        out.extend_from_slice(b",\"idc\":");
        write_bool(out, tag.ignore_dead_click);
        out.extend_from_slice(b",\"location\":");
        match &tag.location {
            Some(location) => write_string(out, location),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

#[cfg(test)]
mod tests;
