//! What must hold on the write path whatever the disk and the clients do.
//!
//! A broken invariant is a bug of takeup, and nothing that rests on it may be acknowledged. On the core's side it does not panic: a panic
//! inside an append would end one connection and leave its records without an answer. It fails the segment instead, through
//! [`Segment::fail`](super::segment::Segment::fail) like a failed sync: what is not durable is reported as lost, the operator is told which
//! invariant broke, and the third failure within a minute poisons the core.

/// An invariant of the write path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Invariant {
    /// A group begins on a page, where the durable end is: else a page with acknowledged bytes is written again, or a gap is acknowledged.
    GroupBegin = 1,
    /// A group ends on a page, behind its begin and not behind the cursor: else bytes that were never appended count as durable.
    GroupEnd = 2,
    /// Groups are settled in their order, and each accounts for the records after those of the group before: else a record is
    /// acknowledged with another's group, or never.
    Sequence = 3,
    /// The control page names the segment of the oldest group, and a cursor not before the durable end: else readers take the durable end of
    /// one segment for another's.
    ControlPage = 4,
    /// The control page goes on to a segment only when the one before is durable as a whole.
    LeftDurable = 5,
    /// A segment that is taken is empty, and younger than those before it: else readers never come to it.
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
