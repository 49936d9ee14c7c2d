//! Bodies whose `Content-Encoding` is not what they are: counted, and told once for each project.
//!
//! They are stored as what they are, and nothing is lost; but something between the clients and the server changes bodies, or heads, and
//! not both, and its operator should know.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::api::route::TEMPLATES;
use crate::codec::inflate::{Coding, Label, Reading};
use crate::server::core::state::Core;
use crate::telemetry::Level;

use super::respond::RequestFacts;

/// Projects that are told of.
const PROJECTS_MAX: usize = 4096;

/// The projects of which all cores together have told.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashSet<u32>>);

/// What one core knows to be told, so that it asks the others once for each project.
#[derive(Debug, Default)]
pub struct Known(RefCell<HashSet<u32>>);

impl Known {
    /// Whether nothing was told of a project before; from now on it was.
    fn is_news(&self, project: u32, told: &Told) -> bool {
        let mut known = self.0.borrow_mut();
        if known.contains(&project) || known.len() >= PROJECTS_MAX {
            return false;
        }
        known.insert(project);
        told.0.lock().unwrap_or_else(PoisonError::into_inner).insert(project)
    }
}

/// Takes note of how a body was read. `header`: its `Content-Encoding`.
#[inline]
pub fn note(core: &Core, facts: &RequestFacts, reading: Reading, header: Option<&[u8]>) {
    if reading.is_mislabelled() {
        tell(core, facts, reading, header);
    }
}

#[cold]
fn tell(core: &Core, facts: &RequestFacts, reading: Reading, header: Option<&[u8]>) {
    match reading.label {
        Label::Missing => core.metrics.labels_missing.inc(),
        _ => core.metrics.labels_wrong.inc(),
    }
    let project = facts.project.unwrap_or(0);
    if !core.labels_known.is_news(project, &core.common.labels_logged) {
        return;
    }
    let name = |coding: Option<Coding>| coding.map_or("identity", Coding::as_str);
    let named = if header.is_some() { name(Coding::of_header(header)) } else { "" };
    let project = project.to_string();
    let fields = [
        ("project", &*project),
        ("url", TEMPLATES[facts.route.index()]),
        ("named", named),
        ("is", name(reading.coding)),
    ];
    let message = "a body is not in the coding that its label names: a proxy changes one of them and not the other";
    core.logger.event(Level::Warn, crate::caller!(), message, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_told_of_once_by_all_cores_together_and_never_by_more_than_a_bound() {
        let (told, one, other) = (Told::default(), Known::default(), Known::default());
        assert!(one.is_news(1, &told));
        assert!(!one.is_news(1, &told) && !other.is_news(1, &told) && !other.is_news(1, &told));
        assert!(other.is_news(2, &told) && !one.is_news(2, &told));
        let news = (0..2 * PROJECTS_MAX as u32).filter(|&project| one.is_news(project, &told)).count();
        assert_eq!((news, one.0.borrow().len()), (PROJECTS_MAX - 2, PROJECTS_MAX));
    }
}
