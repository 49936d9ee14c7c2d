//! What is in a store: logs, their cores, their segments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use uuid::Uuid;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::stores::{ObjectPage, Patient};
use crate::log::format::header::VERSION;
use crate::log::format::sidecar::Sidecar;

use super::object_name::{ObjectKind, SegmentName};

/// The largest sidecar that is read.
pub(super) const SIDECAR_BYTES_MAX: u64 = 16 << 20;

/// A segment in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredSegment {
    pub(super) name: SegmentName,
    pub(super) bytes: u64,
    modified: SystemTime,
    /// The length of its sidecar, if there is one that may be read.
    sidecar_bytes: Option<u64>,
}

/// The segments of a core, by id.
pub(super) type CoreSegments = BTreeMap<u64, StoredSegment>;

/// The order times of a segment's oldest and newest record, if its sidecar tells them.
pub(super) type Times = Option<(u64, u64)>;

/// The logs that a store has segments of.
pub(super) async fn logs(store: &mut Patient<'_>) -> Result<Vec<Uuid>, Cause> {
    let mut logs: Vec<Uuid> = Vec::new();
    let own = |name: &String| name.parse::<Uuid>().ok().filter(|log| log.to_string() == *name);
    store.list("", |page| logs.extend(page.folders.iter().filter_map(own))).await?;
    logs.sort_unstable();
    Ok(logs)
}

/// The segments of a log, by core. Of two with the same id the newer one counts.
pub(super) async fn segments(store: &mut Patient<'_>, log: Uuid) -> Result<BTreeMap<u16, CoreSegments>, Cause> {
    let mut cores = BTreeSet::new();
    let core = |folder: &String| folder.rsplit('/').next()?.parse::<u16>().ok();
    store.list(&format!("{log}/"), |page| cores.extend(page.folders.iter().filter_map(core))).await?;
    let mut all = BTreeMap::new();
    for core in cores {
        let segments = of_core(store, log, core).await?;
        if !segments.is_empty() {
            all.insert(core, segments);
        }
    }
    Ok(all)
}

async fn of_core(store: &mut Patient<'_>, log: Uuid, core: u16) -> Result<CoreSegments, Cause> {
    let mut segments = CoreSegments::new();
    let mut sidecars = BTreeMap::new();
    let each = |page: ObjectPage| {
        for object in page.objects {
            let Some((name, kind)) = SegmentName::parse(&object.name) else { continue };
            match kind {
                ObjectKind::Sidecar => drop(sidecars.insert(name, object.bytes)),
                ObjectKind::Segment => {
                    let (bytes, modified) = (object.bytes, object.modified);
                    let found = StoredSegment { name, bytes, modified, sidecar_bytes: None };
                    let known = segments.entry(found.name.segment).or_insert_with(|| found.clone());
                    if known.modified < found.modified {
                        *known = found;
                    }
                }
            }
        }
    };
    store.list(&format!("{log}/{core}/"), each).await?;
    for segment in segments.values_mut() {
        segment.sidecar_bytes = sidecars.get(&segment.name).copied().filter(|bytes| *bytes <= SIDECAR_BYTES_MAX);
    }
    Ok(segments)
}

/// Reads the sidecar of a segment; `None` if there is none, or it is not that of this segment.
///
/// # Errors
/// The store's, and a sidecar of a newer takeup.
pub(super) async fn sidecar(store: &mut Patient<'_>, segment: &StoredSegment) -> Result<Option<Sidecar>, Cause> {
    let Some(bytes) = segment.sidecar_bytes else { return Ok(None) };
    let object = segment.name.sidecar();
    let text = store.get(&object, 0, bytes as usize).await?;
    parse_sidecar(&segment.name, Some(segment.bytes), &text)
}

/// What an object that has a sidecar's name says; `None` if that is not the sidecar of this segment, with this length.
///
/// # Errors
/// It is of a newer takeup.
pub(super) fn parse_sidecar(name: &SegmentName, bytes: Option<u64>, text: &[u8]) -> Result<Option<Sidecar>, Cause> {
    let Ok(sidecar) = serde_json::from_slice::<Sidecar>(text) else { return Ok(None) };
    if sidecar.version > VERSION {
        let object = name.sidecar();
        let text = format!("{object} is of format version {}, and this takeup knows {VERSION}", sidecar.version);
        return Err(Cause::new(Trouble::Mismatch, "newer-version", text));
    }
    let is_its_own = SegmentName::of(&sidecar) == *name && bytes.is_none_or(|bytes| bytes == sidecar.bytes);
    Ok(is_its_own.then_some(sidecar))
}

/// From when to when the records of a segment are.
pub(super) async fn times(store: &mut Patient<'_>, segment: &StoredSegment) -> Result<Times, Cause> {
    Ok(sidecar(store, segment).await?.map(|sidecar| (sidecar.first_us, sidecar.last_us)))
}
