//! The protocol of the control and clock pages, in every interleaving, with every value that a weak memory may show.
//!
//! It is the very file that the log is built from (`src/log/format/protocol.rs`), with other words behind it:
//!
//! - The owner's words are loom's atomics.
//! - A reader's `pread` is a relaxed load of each word. Loom lets each of them show any value that coherence and the fences
//!   allow, whatever the loads before it showed, so the order in which the kernel copies is of no account.
//! - `CLOCK_MONOTONIC` is a counter that each reading moves on by a relaxed read-modify-write, two readings to a microsecond. That is all that is asked of the
//!   real one: readings have an order, and one that comes later is not smaller. It carries no other store along; the
//!   fences have to do that. (The kernel reads the counter with a barrier before it, so a fence in front of it holds.)
//!
//! Each model has a number of preemptions of its own that is through in seconds; `LOOM_MAX_PREEMPTIONS` sets another for all: 2 takes minutes, 3 hours.

#![cfg(test)]

#[path = "../../../src/log/format/protocol.rs"]
#[allow(dead_code, reason = "the log uses all of it")]
mod protocol;

mod clock;
mod pages;
mod watermark;
