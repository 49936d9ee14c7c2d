//! Removes what is kept of the sites of projects.

use std::path::Path;

use crate::assets::{AssetsError, Change, Limits, Store};

use super::receipt::{Findings, NotReached, PlaceReport};
use super::targets::Targets;

const PLACE: &str = "assets";

/// What is there stays.
const NO_LIMITS: Limits = Limits { asset_bytes: u64::MAX, store_bytes: u64::MAX };

/// Removes the assets of projects that are erased as a whole. They are files of a site: what was kept says nothing of who visited it, so the sessions
/// of a person change nothing here.
pub(super) fn erase_assets(data: &Path, targets: &Targets, dry_run: bool, findings: &mut Findings) {
    let store = Store::in_data(data);
    if targets.projects.is_empty() || !store.dir().exists() {
        return;
    }
    match erase(&store, targets, dry_run) {
        Ok(report) => findings.places.push(report),
        Err(error) => {
            findings.miss(NotReached::whole(PLACE, store.dir().display(), error.to_string()));
        }
    }
}

fn erase(store: &Store, targets: &Targets, dry_run: bool) -> Result<PlaceReport, AssetsError> {
    let mut report = PlaceReport::new(PLACE);
    report.files = store.projects()?.len() as u64;
    for project in &targets.projects {
        let index = store.project(*project)?;
        report.files_changed += u64::from(!index.is_empty());
        report.records += index.len() as u64;
        report.bytes += index.iter().map(|(_, entry)| entry.bytes).sum::<u64>();
    }
    if !dry_run {
        let mut change = Change::begin(store, NO_LIMITS)?;
        for project in &targets.projects {
            change.remove(*project, "");
        }
        change.finish()?;
    }
    Ok(report)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::assets::{Address, Kind};

    fn erased(data: &Path, projects: &[u32], dry_run: bool) -> Findings {
        let mut targets = Targets::default();
        targets.add(7).unwrap();
        targets.projects.extend(projects);
        let mut findings = Findings::default();
        erase_assets(data, &targets, dry_run, &mut findings);
        findings
    }

    #[test]
    fn the_assets_of_an_erased_project_go_and_those_of_others_stay() {
        let data = tempfile::tempdir().unwrap();
        assert!(erased(data.path(), &[1], false).places.is_empty(), "nothing is kept");
        let store = Store::in_data(data.path());
        let mut change = Change::begin(&store, NO_LIMITS).unwrap();
        for (project, url) in
            [(1, "https://a.example/a.css"), (1, "https://a.example/b.css"), (2, "https://b.example/")]
        {
            change.add(project, Address::parse(url).unwrap(), Kind::Css, url.as_bytes(), 1).unwrap().unwrap();
        }
        change.finish().unwrap();
        assert!(erased(data.path(), &[], false).places.is_empty(), "a session has none");
        for dry_run in [true, false] {
            let places = erased(data.path(), &[1, 3], dry_run).places;
            let expected = PlaceReport { files: 2, files_changed: 1, records: 2, bytes: 46, ..PlaceReport::new(PLACE) };
            assert_eq!(places, [expected]);
            assert_eq!(store.project(1).unwrap().is_empty(), !dry_run);
        }
        assert_eq!(store.projects().unwrap(), [2]);
    }

    #[test]
    fn assets_that_cannot_be_read_are_named_as_not_reached() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::in_data(data.path());
        Change::begin(&store, NO_LIMITS).unwrap().finish().unwrap();
        std::fs::write(store.index_path(2), "{").unwrap();
        assert_eq!(erased(data.path(), &[1], false).not_reached_count, 1);
    }
}
