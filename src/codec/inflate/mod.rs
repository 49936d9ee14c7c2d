//! Content codings of bodies: gzip, deflate, Brotli and Zstandard, bounded in both their forms, and inflated in steps.
//!
//! A megabyte can inflate to a gigabyte, so no body is trusted: what comes out is counted against a limit and handed on in pieces, so
//! that memory does not grow with it; and one step takes and makes so little that it is over within a few milliseconds, so that a core
//! can serve others between two steps.
//!
//! | coding | read as | memory at most |
//! |---|---|---|
//! | `gzip` | Go's `compress/gzip` reads it, errors included: members in a row are one stream, anything after the last is an error | 48 KB |
//! | `deflate` | RFC 9110 has it, in the wrapping of zlib; where that is missing, bare, as browsers accept it | 48 KB |
//! | `br` | RFC 7932, without the larger windows that came later | 16 MiB of window, some MB of tables |
//! | `zstd` | RFC 8878; frames in a row are one stream; windows up to 8 MiB, as RFC 9659 has it for HTTP | 9 MiB |
//!
//! One coding a body: a list such as `gzip, br`, and every name that is not exactly one of these, means bytes as they are. OpenReplay's
//! service knows `gzip` alone and takes everything else for bytes as they are. A caller that has to stay compatible treats a body that is
//! not in its coding, `gzip` apart, in the same way ([`Coding::is_binding`]). A label that a proxy left or dropped is recognised
//! ([`Coding::of_body`]).
//!
//! | module | holds |
//! |---|---|
//! | `inflater` | [`Inflater`]: all codings behind one interface, and the limit |
//! | `gzip`, `deflate`, `brotli`, `zstd` | a decoder each |
//! | `decoder` | what the decoders have in common |
//! | `coding` | the codings and their names |
//! | `label` | what coding a body really is in |
//! | `error` | why a body does not inflate |

mod brotli;
mod coding;
mod decoder;
mod deflate;
mod error;
pub mod gzip;
mod inflater;
mod label;
mod zstd;

pub use coding::Coding;
pub use decoder::DecodeFault;
pub use error::InflateError;
pub use inflater::{Inflater, PIECE_BYTES, Step};
pub use label::{BATCH_FIRST_BYTES, Label, Plain, Reading};
