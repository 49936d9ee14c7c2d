//! Admission counters: which bucket decided what.

use super::cell::Cell;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $text:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[$doc])* $variant, )+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value of its label.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

words! {
    /// A token bucket.
    Bucket {
        /// New sessions from an address.
        StartsAddress = "starts_address",
        /// New sessions of a project.
        StartsProject = "starts_project",
        /// Uploads of a session.
        UploadsSession = "uploads_session",
        /// Uploads from an address.
        UploadsAddress = "uploads_address",
        /// Uploads of a project.
        UploadsProject = "uploads_project",
        /// Bytes of a session.
        BytesSession = "bytes_session",
        /// Bytes from an address.
        BytesAddress = "bytes_address",
        /// Bytes of a project.
        BytesProject = "bytes_project",
    }
}

words! {
    /// The decision on a request.
    Decision {
        /// It proceeds.
        Admitted = "admitted",
        /// It is delayed.
        Held = "held",
        /// It is refused.
        Refused = "refused",
        /// It proceeds, but would have been delayed.
        WouldHold = "would_hold",
        /// It proceeds, but would have been refused.
        WouldRefuse = "would_refuse",
    }
}

impl Bucket {
    /// The answer that a client gets.
    pub const fn text(self) -> &'static str {
        match self {
            Self::StartsAddress => "too many sessions from this address, try again later",
            Self::StartsProject => "too many sessions of this project, try again later",
            Self::UploadsSession => "too many requests of this session, try again later",
            Self::UploadsAddress => "too many requests from this address, try again later",
            Self::UploadsProject => "too many requests of this project, try again later",
            Self::BytesSession => "too many bytes of this session, try again later",
            Self::BytesAddress => "too many bytes from this address, try again later",
            Self::BytesProject => "too many bytes of this project, try again later",
        }
    }
}

/// One core's counters.
#[derive(Debug)]
pub struct AdmissionCells {
    admitted: Cell,
    limited: Box<[Cell]>,
}

impl Default for AdmissionCells {
    fn default() -> Self {
        let cells = Bucket::ALL.len() * Decision::ALL.len();
        Self { admitted: Cell::new(), limited: (0..cells).map(|_| Cell::new()).collect() }
    }
}

impl AdmissionCells {
    /// Counts a decision made by `bucket`.
    #[inline]
    pub fn count(&self, decision: Decision, bucket: Option<Bucket>) {
        match bucket {
            Some(bucket) if decision != Decision::Admitted => self.cell(decision, bucket).inc(),
            _ => self.admitted.inc(),
        }
    }

    /// Requests that proceeded at once.
    pub(super) fn admitted(&self) -> &Cell {
        &self.admitted
    }

    /// Requests that `bucket` delayed, refused, or would have.
    pub(super) fn cell(&self, decision: Decision, bucket: Bucket) -> &Cell {
        &self.limited[bucket as usize * Decision::ALL.len() + decision as usize]
    }
}
