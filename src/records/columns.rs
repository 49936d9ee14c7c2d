//! Reads the columns of rows.

use serde::{Deserialize, Deserializer};

/// A column's value; for `null`, an empty text or zero.
pub(super) fn known<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(column: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(column)?.unwrap_or_default())
}
