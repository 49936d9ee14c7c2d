//! JSON as Go's `encoding/json` reads and writes it, because that is what the clients are used to.
//!
//! Reading: keys are matched without regard to case, the last one wins; `null` changes nothing in a plain field; lone surrogates and
//! bytes that are not UTF-8 become U+FFFD; an integer must be written as one. A syntax error anywhere is reported before a value of the
//! wrong type, and of those the first. One pass, no recursion, no allocation but the growth of reused buffers.
//!
//! | module | holds |
//! |---|---|
//! | `document` | reading a document into a type's fields: where to begin |
//! | `fast` | the fast path for plain documents: simd-json parses a copy in place, and its tape is walked by the same rules |
//! | `reader` | the full reader, which decides: whatever is not plain it reads again from the start. Tests hold both paths to its answer |
//! | `members` | objects whose keys are the client's data |
//! | `fields` | values, and the types that take them |
//! | `error` | what is wrong with a document, in Go's words |
//! | `write`, `object` | writing, with the escapes of Go's encoder |
//!
//! What the fast path is worth, measured in a release build on two virtual cores of an AMD EPYC with AVX2: the body of a start, 591
//! bytes, is read about 1.5 times as fast as by the full reader alone, and half of the remaining time is spent in simd-json. A document
//! that is not plain is read twice: that takes about 1.3 times as long where simd-json refuses it, 1.6 times where its tape is discarded.

mod document;
mod error;
mod fast;
mod fields;
mod members;
mod object;
mod reader;
mod write;

pub use document::{JsonScratch, read, read_first};
pub use error::{JsonError, wrong_type};
pub use fields::{Fields, Mismatch, Value, set_bool, set_integer, set_rounded, set_text};
pub use members::{is_key, members};
pub use object::ObjectWriter;
pub use write::{write_integer, write_string};
