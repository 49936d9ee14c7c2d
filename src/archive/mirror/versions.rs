//! Versions that a bucket keeps of the archive's objects: those that have something of what is erased go.
//!
//! What the copy no longer has, because it was merged, cut by retention or erased from, stays in such a bucket as an older version. Each one with rows of
//! what is erased, and each list that names it as its smallest or largest session, is removed. Others stay: they may be somebody's way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Deserialize;

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::error::ArchiveError;
use crate::archive::place::{ArchivePath, LISTS_DIR_NAME, ListPath, MANIFEST};
use crate::archive::scan_file::scan_file;
use crate::archive::source::{Remote, SourceFile};
use crate::archive::table::Table;
use crate::archive::tables;
use crate::courier::stores::{KeptVersion, StoreAccess, advice_for_all};
use crate::courier::{Cause, Trouble};

/// The largest manifest or list that is read.
const LIST_BYTES_MAX: u64 = 256 << 20;

static KEYS: [Column; 3] = KEY_COLUMNS;

/// What was done with older versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasedVersions {
    /// Those that were looked at.
    pub looked: u64,
    /// Those that were removed, or would be.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What could not be looked at or removed: the object's name, why, and what can be done.
    pub left: Vec<(String, String)>,
}

/// The versions of an archive's copy.
#[derive(Debug)]
pub struct Versions {
    remote: Arc<Remote>,
    access: StoreAccess,
}

/// A list, as far as it names sessions. In version 1 `manifest.json` was one; since then it names none.
#[derive(Deserialize)]
struct Listed {
    version: u32,
    #[serde(default)]
    files: Vec<Ends>,
}

/// The smallest and largest project and session of a file.
#[derive(Deserialize)]
struct Ends {
    first_session: (i64, i64),
    last_session: (i64, i64),
}

impl Versions {
    /// Those in this store. Nothing is sent.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn open(access: &StoreAccess, told: impl Fn(&Cause) + Send + Sync + 'static) -> Result<Self, ArchiveError> {
        Ok(Self { remote: Arc::new(Remote::open(access, told)?), access: access.clone() })
    }

    /// What the store calls the version of the manifest that is there now; `None` if there is none, or no versions.
    ///
    /// # Errors
    /// The store's.
    pub fn of_manifest(&self) -> Result<Option<String>, ArchiveError> {
        self.remote.version_of(MANIFEST)
    }

    /// Removes older versions with something of what is `wanted`, by session and project; with `dry_run`, only finds them. `before` is the manifest's
    /// version before the copy was brought up to date: it tells whether a store that lists no versions keeps some.
    ///
    /// # Errors
    /// The store's.
    pub fn erase(
        &self,
        before: Option<&str>,
        wanted: &dyn Fn(u64, u32) -> bool,
        dry_run: bool,
    ) -> Result<ErasedVersions, ArchiveError> {
        let mut all = ErasedVersions::default();
        let mut begins: Vec<String> = tables::ALL.iter().map(|table| format!("{}/", table.name)).collect();
        begins.extend([format!("{LISTS_DIR_NAME}/"), MANIFEST.to_owned()]);
        for begin in &begins {
            let Some(kept) = self.remote.versions(begin)? else {
                if self.may_keep(before)? {
                    all.left.push((begin.clone(), advice_for_all(&self.access, begin)));
                    continue;
                }
                return Ok(all);
            };
            for of_one in kept.chunk_by(|a, b| a.name == b.name) {
                if is_archives(&of_one[0].name) {
                    self.erase_one(of_one, wanted, dry_run, &mut all)?;
                }
            }
        }
        Ok(all)
    }

    /// Whether a store that does not list versions may keep older ones.
    fn may_keep(&self, before: Option<&str>) -> Result<bool, ArchiveError> {
        let now = self.of_manifest()?;
        Ok(match before {
            Some(before) if now.as_deref() != Some(before) => self.remote.has_version(MANIFEST, before)?,
            _ => now.is_some(),
        })
    }

    /// Works on the versions of one object, the newest first.
    fn erase_one(
        &self,
        kept: &[KeptVersion],
        wanted: &dyn Fn(u64, u32) -> bool,
        dry_run: bool,
        all: &mut ErasedVersions,
    ) -> Result<(), ArchiveError> {
        let mut gone = Vec::new();
        for version in kept.iter().rev().filter(|version| !version.is_latest && !version.is_marker) {
            all.looked += 1;
            match self.look(version, wanted) {
                Ok(Look::Holds) => gone.push(version.clone()),
                Ok(Look::HoldsNothing) => {}
                Ok(Look::NoneNewerHolds) => break,
                Err(error) if is_of_the_store(&error) => return Err(error),
                Err(error) => {
                    let reason = format!("version {} can't be read, and may have something: {error}", version.id);
                    all.left.push((version.name.clone(), reason));
                }
            }
        }
        all.removed += gone.len() as u64;
        all.bytes += gone.iter().map(|version| version.bytes).sum::<u64>();
        if dry_run || gone.is_empty() {
            return Ok(());
        }
        gone.reverse();
        let name = &kept[0].name;
        let is_rest_content = kept.iter().any(|version| !version.is_marker && !gone.contains(version));
        if !is_rest_content {
            // The mark of a removal has nothing to stand for any more.
            gone.extend(kept.iter().filter(|version| version.is_marker).cloned());
        }
        for left in self.remote.remove_versions(&gone)? {
            all.removed -= 1;
            all.bytes -= gone.iter().find(|version| version.id == left.id).map_or(0, |version| version.bytes);
            all.left.push((name.clone(), left.advice(&self.access, name)));
        }
        Ok(())
    }

    /// Looks whether a version has something of what is erased.
    fn look(&self, version: &KeptVersion, wanted: &dyn Fn(u64, u32) -> bool) -> Result<Look, ArchiveError> {
        let is = |(project, session): (i64, i64)| {
            wanted(session.cast_unsigned(), u32::try_from(project).unwrap_or_default())
        };
        let file = SourceFile::of_version(&self.remote, version);
        let Some(path) = ArchivePath::parse(&version.name) else {
            if version.bytes > LIST_BYTES_MAX {
                return Err(ArchiveError::Damaged { path: file.path().to_owned() });
            }
            let text = file.read_at(0, version.bytes as usize)?;
            let listed: Listed = serde_json::from_slice(&text).map_err(|error| ArchiveError::Manifest {
                path: file.path().to_owned(),
                reason: format!("not a list of files ({error})"),
            })?;
            if version.name == MANIFEST && listed.version > 1 {
                return Ok(Look::NoneNewerHolds);
            }
            return Ok(Look::of(listed.files.iter().any(|file| is(file.first_session) || is(file.last_session))));
        };
        let table = tables::ALL.into_iter().find(|table| table.name == path.table);
        let Some(table) = table else { return Ok(Look::HoldsNothing) };
        let (mut holds, path) = (false, file.path().to_owned());
        let scan = || {
            scan_file(
                file,
                Table { columns: &KEYS, ..table },
                None,
                |_| true,
                |rows| {
                    holds = holds || (0..rows.rows()).any(|row| is((rows.key(row).project, rows.key(row).session)));
                    Ok::<_, ArchiveError>(())
                },
            )
        };
        // Nothing has compared a version with its hash, and a damaged one on which the reader panics must not end the command.
        catch_unwind(AssertUnwindSafe(scan)).unwrap_or(Err(ArchiveError::Damaged { path }))?;
        Ok(Look::of(holds))
    }
}

/// What a version has of what is erased.
enum Look {
    Holds,
    HoldsNothing,
    /// Nothing, nor has any newer version of this object.
    NoneNewerHolds,
}

impl Look {
    const fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::HoldsNothing }
    }
}

/// Whether a fault is the store's, and not that of one version: one that is gone by now, that the key may not read, or that was moved to where it can't be
/// read at once, keeps nobody from looking at the others.
fn is_of_the_store(error: &ArchiveError) -> bool {
    match error {
        ArchiveError::Store { cause, .. } => !matches!(cause.trouble, Trouble::Missing | Trouble::NoPermission),
        _ => false,
    }
}

/// Whether an object has a name that an archive gives.
fn is_archives(name: &str) -> bool {
    name == MANIFEST || ListPath::parse(name).is_some() || ArchivePath::parse(name).is_some()
}
