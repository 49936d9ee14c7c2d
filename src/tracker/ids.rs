//! The message ids that code refers to by name: those for framing, and those of messages that the server itself writes.

use super::catalogue::{FieldSpec, newest};

/// Sets the time of the messages after it.
pub const TIMESTAMP: u64 = 0;
/// The first message of a web session, written by the server. It has neither a size nor metadata.
pub const SESSION_START: u64 = 1;
/// The `SetPageLocation` of old trackers.
pub(super) const SET_PAGE_LOCATION_OLD: u64 = 4;
/// Metadata of old batches.
pub const BATCH_META: u64 = 80;
/// Metadata of web batches.
pub const BATCH_METADATA: u64 = 81;
/// A message in parts, in old batches.
pub(super) const PARTITIONED: u64 = 82;
/// The first message of a mobile session, written by the server. It has neither a length nor metadata.
pub const MOBILE_SESSION_START: u64 = 90;
/// Metadata of mobile batches.
pub const MOBILE_BATCH_META: u64 = 107;
/// The browser's tab in which what follows happened.
pub const TAB_DATA: u64 = 118;
/// The page's address from here on.
pub(super) const SET_PAGE_LOCATION: u64 = 122;

/// The ids that a batch can begin with.
pub const METADATA: [u64; 3] = [BATCH_META, BATCH_METADATA, MOBILE_BATCH_META];

// Each id agrees with the catalogue and takes one byte on the wire. Code that compares a body's first byte with an id relies on that.
const _: () = {
    let named: [(u64, &str); 10] = [
        (TIMESTAMP, "Timestamp"),
        (SESSION_START, "SessionStart"),
        (SET_PAGE_LOCATION_OLD, "SetPageLocationDeprecated"),
        (BATCH_META, "BatchMeta"),
        (BATCH_METADATA, "BatchMetadata"),
        (PARTITIONED, "PartitionedMessage"),
        (MOBILE_SESSION_START, "MobileSessionStart"),
        (MOBILE_BATCH_META, "MobileBatchMeta"),
        (TAB_DATA, "TabData"),
        (SET_PAGE_LOCATION, "SetPageLocation"),
    ];
    let mut at = 0;
    while at < named.len() {
        let (id, name) = named[at];
        assert!(id < 0x80);
        let (found, _) = newest(id as usize);
        assert!(equal(found.as_bytes(), name.as_bytes()));
        at += 1;
    }
};

// Readers access these fields by position or by name.
const _: () = {
    fields_are(BATCH_METADATA, &["Version", "PageNo", "FirstIndex", "Timestamp", "Location"]);
    fields_are(BATCH_META, &["PageNo", "FirstIndex", "Timestamp"]);
    fields_are(MOBILE_BATCH_META, &["Timestamp", "Length", "FirstIndex"]);
};

/// Fails the build unless the catalogue gives the message these fields, in this order.
pub(crate) const fn fields_are(id: u64, names: &[&str]) {
    let (_, fields): (&str, &[FieldSpec]) = newest(id as usize);
    assert!(fields.len() == names.len());
    let mut at = 0;
    while at < names.len() {
        assert!(equal(fields[at].name.as_bytes(), names[at].as_bytes()));
        at += 1;
    }
}

const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
