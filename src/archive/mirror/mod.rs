//! The archive's copy in an object store.
//!
//! # In the store
//!
//! The same names as in the archive's folder, below the store's prefix: `manifest.json`, `manifest/<day>-<number>.json`, and the tables' files. So
//! whatever reads the folder reads the store.
//!
//! # Whole at every moment
//!
//! A [`pass`] brings the store to where the archive is: it uploads the files that the store's manifest does not name yet, then the lists of days, then
//! `manifest.json`, which takes effect at once; what neither names any more is removed after that. So the store's manifest names only what is there, and a
//! crash at any moment leaves the older archive, whole. What is not part of it yet, or not any more, is known by the [`record`] on this disk, which is
//! written before the first byte is sent. If that is lost, the store is listed once.
//!
//! # What can't be copied
//!
//! A file that was damaged or lost before it was uploaded is set aside, and told: the copy's lists and manifest are those of an archive without it. It is
//! tried again when the file changes. What the store does not let takeup remove stays there, is told, and is tried again with the next change.
//!
//! # One writer
//!
//! The manifest names the archive by an id. A store that holds another archive is not touched. Before `manifest.json` is replaced, it must be what this
//! takeup has put there: if a copy of this data folder writes there too, both stop.
//!
//! | file | holds |
//! |---|---|
//! | [`courier`] | the courier `courier-archive`: its thread, its state |
//! | [`once`] | the same once, for commands |
//! | [`pass`] | one pass |
//! | `aside` | files that can't be copied |
//! | [`plan`] | what a pass uploads and removes |
//! | [`record`] | what may be in the store without being named there |
//! | [`versions`] | older versions that the bucket keeps, for erasing from them |
//! | [`local_file`] | a file of the archive, read for its upload |

mod aside;
pub mod courier;
pub mod local_file;
pub mod once;
pub mod pass;
pub mod plan;
pub mod record;
pub mod versions;
