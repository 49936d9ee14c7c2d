//! The names of objects: `<log>/<core>/<segment>-<BLAKE3>.seg`, and beside it the sidecar, `….json`.
//!
//! The name says what the content is, so the same name is always the same content, and whoever reads an object can check it by its name alone.

use std::fmt;

use uuid::Uuid;

use crate::log::format::sidecar::Sidecar;
use crate::log::names::{SEALED, SIDECAR, segment_stem};

/// A sealed segment, by its place and content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) log: Uuid,
    pub(super) core: u16,
    pub(super) segment: u64,
    /// BLAKE3 of the file, 64 hexadecimal digits.
    pub(super) blake3: String,
}

/// What an object is to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Segment,
    Sidecar,
}

impl SegmentName {
    pub(super) fn of(sidecar: &Sidecar) -> Self {
        Self { log: sidecar.log, core: sidecar.core, segment: sidecar.segment, blake3: sidecar.blake3.clone() }
    }

    /// The name of the segment's object.
    pub(super) fn object(&self) -> String {
        format!("{self}.{SEALED}")
    }

    /// The name of its sidecar's object.
    pub(super) fn sidecar(&self) -> String {
        format!("{self}.{SIDECAR}")
    }

    /// What an object's name says; `None` for one that is not of takeup.
    pub(super) fn parse(name: &str) -> Option<(Self, ObjectKind)> {
        let (log, rest) = name.split_once('/')?;
        let (core, file) = rest.split_once('/')?;
        let (stem, extension) = file.split_once('.')?;
        let (segment, blake3) = stem.split_once('-')?;
        let kind = match extension {
            SEALED => ObjectKind::Segment,
            SIDECAR => ObjectKind::Sidecar,
            _ => return None,
        };
        let parsed = Self {
            log: log.parse().ok()?,
            core: core.parse().ok()?,
            segment: segment.parse().ok()?,
            blake3: blake3.to_owned(),
        };
        let hash = blake3.len() == 64 && blake3.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        // Only names as they are made: nothing else of a name gets to a path.
        let exact = format!("{parsed}.{extension}") == name;
        (hash && exact).then_some((parsed, kind))
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}-{}", self.log, self.core, segment_stem(self.segment), self.blake3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_as_takeup_makes_it_is_read() {
        let name =
            SegmentName { log: Uuid::from_u128(7), core: 3, segment: 1_764_042_067_000_000, blake3: "0a".repeat(32) };
        assert_eq!(SegmentName::parse(&name.object()), Some((name.clone(), ObjectKind::Segment)));
        assert_eq!(SegmentName::parse(&name.sidecar()), Some((name.clone(), ObjectKind::Sidecar)));
        for wrong in [
            name.object().replace("0a", "0A"),
            name.object().replace("/3/", "/03/"),
            name.object().replace("/3/", "/../3/"),
            name.object().replace(".seg", ".seg.seg"),
            name.object().replace("-", "_"),
            format!("x{}", name.object()),
            String::new(),
        ] {
            assert_eq!(SegmentName::parse(&wrong), None, "{wrong}");
        }
    }
}
