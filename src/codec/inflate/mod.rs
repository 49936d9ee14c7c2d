//! Content codings of bodies: gzip, deflate, Brotli and Zstandard, inflated in bounded steps.
//!
//! A megabyte can inflate to a gigabyte, so no body is trusted. The inflated bytes are counted against a limit and passed on in pieces, so
//! that memory does not grow with them. A step takes and makes so few bytes that it ends within a few milliseconds, so that a core can serve
//! other requests between two steps.
//!
//! | coding | read as | memory at most |
//! |---|---|---|
//! | `gzip` | as Go's `compress/gzip` reads it, errors included: members in a row form one stream, anything after the last is an error | 48 KB |
//! | `deflate` | RFC 9110: in zlib's wrapper; without it too, as browsers accept it | 48 KB |
//! | `br` | RFC 7932, without the larger windows that came later | 16 MiB of window, some MB of tables |
//! | `zstd` | RFC 8878; frames in a row form one stream; windows up to 8 MiB, the limit that RFC 9659 sets for HTTP | 9 MiB |
//!
//! A body has one coding. A list such as `gzip, br`, or any name that is not exactly one of these, means plain bytes. OpenReplay's service
//! only knows `gzip` and takes a body with any other label as plain bytes. A caller that must stay compatible does the same with a body that
//! turns out not to be in the coding that its label names, unless that is `gzip` ([`Coding::is_binding`]). Labels that a proxy left behind or
//! dropped are recognised ([`Coding::of_body`]).
//!
//! | module | holds |
//! |---|---|
//! | `inflater` | [`Inflater`]: all codings behind one interface, and the limit; begin here |
//! | `gzip`, `deflate`, `brotli`, `zstd` | a decoder each |
//! | `decoder` | what the decoders have in common |
//! | `coding` | the codings and their names |
//! | `label` | which coding a body is really in |
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
pub use inflater::{InflateStep, Inflater, PIECE_BYTES};
pub use label::{BATCH_FIRST_BYTES, Label, Plain, Reading};
