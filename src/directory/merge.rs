//! Compares a new text with the projects in force, and merges the two.

use std::collections::BTreeSet;

use super::Directory;
use super::model::{Given, Project};

/// A part of a project that a text may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The whole project.
    Project,
    /// Values of the project's own row.
    Own,
    Tags,
    Conditions,
    FeatureFlags,
    UtTests,
}

/// A part, and the project that it belongs to.
pub(super) type Piece = (u32, Part);

/// What `latest` lacks of the projects in force. If the last line of its text has no line break, `sure` is the text without that line: a
/// project that differs between the two keeps its version in force.
pub(super) fn lacking(in_force: &Directory, latest: &Directory, sure: Option<&Directory>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for old in in_force.projects() {
        let id = old.project_id;
        match latest.by_id(id) {
            None if latest.removed.contains(&id) => {}
            None => pieces.push((id, Part::Project)),
            Some(new) => {
                let doubtful = sure.is_some_and(|sure| sure.by_id(id) != Some(new));
                pieces.extend(poorer(old, new, doubtful).map(|part| (id, part)));
            }
        }
    }
    pieces
}

/// The parts that have fewer values than before; for a doubtful project, also the parts whose values differ.
fn poorer(old: &Project, new: &Project, doubtful: bool) -> impl Iterator<Item = Part> {
    let (before, now) = (&old.given, &new.given);
    let own = |project: &Project| {
        let (tags, conditions, feature_flags, ut_tests) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (name, project_key) = (project.name.clone(), project.project_key.clone());
        let deleted_at = project.deleted_at.clone();
        let given = Given::default();
        Project { name, project_key, deleted_at, tags, conditions, feature_flags, ut_tests, given, ..*project }
    };
    let parts = [
        (Part::Own, now.own < before.own || doubtful && own(old) != own(new)),
        (Part::Tags, now.tags < before.tags || doubtful && old.tags != new.tags),
        (Part::Conditions, now.conditions < before.conditions || doubtful && old.conditions != new.conditions),
        (Part::FeatureFlags, {
            now.feature_flags < before.feature_flags || doubtful && old.feature_flags != new.feature_flags
        }),
        (Part::UtTests, now.ut_tests < before.ut_tests || doubtful && old.ut_tests != new.ut_tests),
    ];
    parts.into_iter().filter(|(_, poorer)| *poorer).map(|(part, _)| part)
}

/// The contents of `latest`, with these parts taken from what is in force.
pub(super) fn merge(in_force: &Directory, latest: &Directory, pieces: &BTreeSet<Piece>) -> Directory {
    let merged = latest.projects().iter().map(|new| {
        let id = new.project_id;
        match in_force.by_id(id) {
            Some(old) if pieces.range((id, Part::Project)..=(id, Part::UtTests)).next().is_some() => {
                with_pieces_of(old, new, |part| pieces.contains(&(id, part)))
            }
            _ => new.clone(),
        }
    });
    // Appended after the others: if a key or a test is in both, the file decides whose it is.
    let gone = in_force.projects().iter().filter(|old| pieces.contains(&(old.project_id, Part::Project)));
    Directory::from_projects(merged.chain(gone.cloned()).collect())
}

fn with_pieces_of(old: &Project, new: &Project, is_old: impl Fn(Part) -> bool) -> Project {
    let of = |part| if is_old(part) { old } else { new };
    let (tags, conditions, flags, tests) =
        (of(Part::Tags), of(Part::Conditions), of(Part::FeatureFlags), of(Part::UtTests));
    let own = of(Part::Own);
    Project {
        tags: tags.tags.clone(),
        conditions: conditions.conditions.clone(),
        feature_flags: flags.feature_flags.clone(),
        ut_tests: tests.ut_tests.clone(),
        given: Given {
            own: own.given.own,
            tags: tags.given.tags,
            conditions: conditions.given.conditions,
            feature_flags: flags.given.feature_flags,
            ut_tests: tests.given.ut_tests,
        },
        ..own.clone()
    }
}
