//! Which deletions go together.
//!
//! A deletion makes half a dozen syncs, each of which commits the file system's journal, and the syncs of the log's groups wait for that. Segments of
//! one core that go together share all but those of their files.

use crate::log::retain::{Deletion, Reason};

/// How many segments go together at most: as many as leave an eighth of the syncs.
const TOGETHER_MAX: usize = 8;

/// The deletions at the head of a plan that go together.
pub(super) fn first_of(plan: &[Deletion]) -> Vec<Deletion> {
    // What goes because of the disk is decided anew after each, and what goes because of the archive is read before.
    let is_plain = |deletion: &Deletion| matches!(deletion.reason, Reason::Age | Reason::ProjectAge | Reason::Bytes);
    let Some(first) = plan.first() else { return Vec::new() };
    let with_first = |deletion: &&Deletion| is_plain(deletion) && is_plain(first) && deletion.core == first.core;
    let others = plan[1..].iter().filter(with_first);
    std::iter::once(first).chain(others).take(TOGETHER_MAX).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_by_age_or_size_goes_together_a_core_at_a_time() {
        let deletion = |core, id, reason| Deletion { core, id, bytes: 1, records: 1, reason };
        let ids = |plan: &[Deletion]| first_of(plan).iter().map(|deletion| deletion.id).collect::<Vec<_>>();
        assert_eq!(ids(&[]), [0; 0]);
        let plan = [
            deletion(1, 10, Reason::Age),
            deletion(0, 11, Reason::Age),
            deletion(1, 12, Reason::ProjectAge),
            deletion(1, 13, Reason::FullDisk),
            deletion(1, 14, Reason::Bytes),
        ];
        assert_eq!(ids(&plan), [10, 12, 14]);
        for alone in [Reason::FullDisk, Reason::Undelivered, Reason::Archived] {
            assert_eq!(ids(&[deletion(1, 9, alone), deletion(1, 10, Reason::Age)]), [9]);
            assert_eq!(ids(&[deletion(1, 9, alone), deletion(1, 10, alone)]), [9]);
        }
        let many: Vec<Deletion> = (0..20).map(|id| deletion(0, id, Reason::Bytes)).collect();
        assert_eq!(ids(&many), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
