//! A UUID as text in JSON.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use uuid::Uuid;

/// Writes it.
pub fn serialize<S: Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(uuid)
}

/// Reads it.
///
/// # Errors
/// A text that is no UUID.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
