//! What must hold on the write path, whatever the disk and the clients do.
//!
//! A broken invariant is a bug in takeup, and nothing that depends on it may be acknowledged. On the core it does not panic: a panic inside an
//! append would end one connection and leave its records unanswered. Instead it fails the segment through
//! [`Segment::fail`](super::segment::Segment::fail), like a failed sync: what is not durable is reported as lost, the operator learns which
//! invariant broke, and the third failure within a minute poisons the core.

/// An invariant of the write path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Invariant {
    /// A group begins on a page boundary, at the durable end: otherwise a page with acknowledged bytes is rewritten, or a gap is acknowledged.
    GroupBegin = 1,
    /// A group ends on a page boundary, after its start and not past the cursor: otherwise bytes that were never appended count as durable.
    GroupEnd = 2,
    /// Groups are settled in order, and each covers the records after those of the group before: otherwise a record is acknowledged with
    /// another's group, or never.
    Sequence = 3,
    /// The control page names the oldest group's segment, and its cursor is not before the durable end: otherwise readers take the durable end
    /// of one segment for another's.
    ControlPage = 4,
    /// The control page moves on to a segment only when the one before is entirely durable.
    LeftDurable = 5,
    /// A segment that is taken is empty, and younger than those before it: otherwise readers never reach it.
    FreshSegment = 6,
    /// A write that the owner returns is one that it was given.
    ReturnedWrite = 7,
}

impl Invariant {
    const ALL: [Invariant; 7] = [
        Invariant::GroupBegin,
        Invariant::GroupEnd,
        Invariant::Sequence,
        Invariant::ControlPage,
        Invariant::LeftDurable,
        Invariant::FreshSegment,
        Invariant::ReturnedWrite,
    ];

    /// What should have held.
    pub const fn as_str(self) -> &'static str {
        match self {
            Invariant::GroupBegin => "a group begins on the page where the durable end is",
            Invariant::GroupEnd => "a group ends on a page, not behind the cursor",
            Invariant::Sequence => "each group accounts for the records after those of the group before",
            Invariant::ControlPage => "the control page names the segment of the oldest group",
            Invariant::LeftDurable => "the control page leaves a segment only when all of it is durable",
            Invariant::FreshSegment => "a segment that is taken is empty and younger than those before it",
            Invariant::ReturnedWrite => "a write that is returned was handed out",
        }
    }

    /// A code for an atomic word, never 0.
    pub(in crate::log) const fn to_code(self) -> u32 {
        self as u32
    }

    pub(in crate::log) fn from_code(code: u32) -> Option<Invariant> {
        Invariant::ALL.into_iter().find(|invariant| invariant.to_code() == code)
    }
}
