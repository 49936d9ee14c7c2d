//! What the log's records mean: one type for each kind of record, with encoding and decoding side by side.
//!
//! The log stores an [`Entry`](crate::log::format::record::Entry) and returns a [`Record`](crate::log::format::record::Record): a header of fixed
//! fields, an extension and a payload. Which fields a kind uses, and what its bytes are, is decided here and nowhere else. The server makes
//! these types from requests (`entry`); everything that reads the log decodes them (`read`). [`Content::of`] decodes any record: begin there.
//!
//! | type | kind | topic | made by | read by | payload | extension |
//! |---|---|---|---|---|---|---|
//! | [`WebBatch`] | `batch` | `raw`, `raw-assets` | `/v1/web/i` | checker, courier, `events`, `replay` | tracker messages as received, maybe compressed | data type text, query text |
//! | [`MobileBatch`] | `batch` | `raw-ios` | `/v1/mobile/i`, `late` | the same | the same, of a phone | |
//! | [`SdkBatch`] | `sdk` | `raw-analytics` | `/v1/sdk/i` | courier, `replay` | JSON as received, maybe compressed | |
//! | [`UnusableBatch`] | `batch`, `sdk` | `none` | the three above | `inspect`, `replay --unusable` | a body, as received, that was refused or cannot be cut | as above |
//! | [`Start`] | `start` | `raw`, `raw-ios`, `none` | `/v1/{web,mobile,sdk}/start` | checker, courier, `sessions`, `events` | the session's first message; empty for the SDK | the row of table `sessions`, JSON |
//! | [`Images`] | `image` | `canvas-images`, `raw-images` | `/v1/{web,mobile}/images` | courier | frames, or the broken end of a stream | the stream's name |
//! | [`TableRow`] | `row` | `none` | `/v1/web/uxt/signals/…`, `/v1/web/not-started` | none yet | a row, JSON | the table's name |
//! | [`RecordingPart`] | `recording` | `none` | `/v1/web/uxt/recording/…` | `recordings` | bytes of a video file; empty at its end | file name, time of the upload, offset |
//!
//! The types borrow their parts, so making one allocates nothing. Each is in the file of its name.
//!
//! Pads and tombstones have no meaning outside the log, and so no type here. Sizes are in bytes and times in ms since the Unix epoch, unless a
//! field says otherwise.

mod batch_texts;
mod blank;
mod columns;
mod content;
mod encoding;
mod framed;
mod images;
mod mobile_batch;
mod record_json;
mod recording;
mod sdk_batch;
mod source;
mod start;
mod table_row;
mod unusable;
mod web_batch;

#[cfg(test)]
pub(crate) mod bench;

pub use batch_texts::{BatchTexts, data_type_of, header_of};
pub use content::Content;
pub use encoding::{coding_of, encoding_of};
pub use framed::{NotFramed, read_framed, write_framed};
pub use images::{Images, Stream, frames};
pub use mobile_batch::MobileBatch;
pub use record_json::{RECORD_JSON_BEGIN, RecordJson};
pub use recording::{RECORDING_FILE_NAME, RecordingPart};
pub use sdk_batch::SdkBatch;
pub use source::Source;
pub use start::{Campaign, MobileSessionStart, SessionRow, SessionStart, Start};
pub use table_row::{Table, TableRow, TestSignalRow, UnstartedSessionRow};
pub use unusable::{UnusableBatch, mark_unusable};
pub use web_batch::WebBatch;
