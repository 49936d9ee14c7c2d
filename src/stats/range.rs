//! Which records count.

/// Which records count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Those received from this time on, in microseconds.
    pub from_us: u64,
    /// Those received before this time.
    pub until_us: u64,
    /// Those of this project.
    pub project: Option<u32>,
}

impl Range {
    /// All.
    pub const ALL: Range = Range { from_us: 0, until_us: u64::MAX, project: None };

    /// Whether a record counts.
    pub fn has(&self, project: u32, received_us: u64) -> bool {
        self.has_project(project) && (self.from_us..self.until_us).contains(&received_us)
    }

    /// Whether records of this project count.
    pub fn has_project(&self, project: u32) -> bool {
        self.project.is_none_or(|wanted| wanted == project)
    }

    /// Whether some time between these two may count.
    pub fn overlaps(&self, first_us: u64, last_us: u64) -> bool {
        last_us >= self.from_us && first_us < self.until_us
    }
}
