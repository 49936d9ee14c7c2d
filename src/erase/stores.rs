//! The object stores that have copies.

#[cfg(feature = "object-store")]
use std::fmt;

#[cfg(feature = "object-store")]
use crate::courier::Cause;
#[cfg(feature = "object-store")]
use crate::courier::stores::StoreAccess;

/// The object stores that the settings name.
#[derive(Default)]
pub struct Stores {
    /// That of segments.
    #[cfg(feature = "object-store")]
    pub segments: Option<StoreAccess>,
    /// That of the archive's copy.
    #[cfg(feature = "object-store")]
    pub archive: Option<StoreAccess>,
    /// Told when a store does not answer as it should, and is asked again.
    pub waits: Option<fn(&str)>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// Tells of a fault of the store with this address.
    #[cfg(feature = "object-store")]
    pub(super) fn teller(&self) -> impl Fn(&dyn fmt::Display, &Cause) + Copy + Send + Sync + 'static {
        let waits = self.waits;
        move |store, cause| {
            if let Some(waits) = waits {
                waits(&format!("{store} {cause}; it is tried again for some minutes"));
            }
        }
    }

    /// Tells of what is waited for.
    #[cfg(all(feature = "archive", feature = "object-store"))]
    pub(super) fn tell(&self, text: &str) {
        if let Some(waits) = self.waits {
            waits(text);
        }
    }

    /// Whether a store of segments is named.
    pub(super) fn has_segments(&self) -> bool {
        #[cfg(feature = "object-store")]
        let has = self.segments.is_some();
        #[cfg(not(feature = "object-store"))]
        let has = false;
        has
    }
}
