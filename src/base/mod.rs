//! Utilities that several folders need and none owns.

pub mod archive_address;
pub mod base64;
pub mod budget;
pub mod id_hasher;
pub mod net;
pub mod snapshot;
pub mod store_url;
pub mod terminal;
pub mod text;
pub mod time;
pub mod units;
