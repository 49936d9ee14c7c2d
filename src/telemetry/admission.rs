//! What is counted of admission: which bucket decided what.

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
    /// A bucket of tokens.
    Bucket {
        /// New sessions of an address.
        StartsAddress = "starts_address",
        /// New sessions of a project.
        StartsProject = "starts_project",
        /// Uploads of a session.
        UploadsSession = "uploads_session",
        /// Uploads of an address.
        UploadsAddress = "uploads_address",
        /// Uploads of a project.
        UploadsProject = "uploads_project",
        /// Bytes of a session.
        BytesSession = "bytes_session",
        /// Bytes of an address.
        BytesAddress = "bytes_address",
        /// Bytes of a project.
        BytesProject = "bytes_project",
    }
}

words! {
    /// What was decided of a request.
    Decision {
        /// It goes on.
        Admitted = "admitted",
        /// It waits for its turn.
        Held = "held",
        /// It is refused.
        Refused = "refused",
        /// It goes on, and would have had to wait.
        WouldHold = "would_hold",
        /// It goes on, and would have been refused.
        WouldRefuse = "would_refuse",
    }
}

impl Bucket {
    /// What a client is told.
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

/// The counters of a core.
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
    /// Counts a decision; `bucket` is the one that made it.
    #[inline]
    pub fn count(&self, decision: Decision, bucket: Option<Bucket>) {
        match bucket {
            Some(bucket) if decision != Decision::Admitted => self.cell(decision, bucket).inc(),
            _ => self.admitted.inc(),
        }
    }

    /// Requests that went on at once.
    pub(super) fn admitted(&self) -> &Cell {
        &self.admitted
    }

    /// Requests that `bucket` decided about otherwise.
    pub(super) fn cell(&self, decision: Decision, bucket: Bucket) -> &Cell {
        &self.limited[bucket as usize * Decision::ALL.len() + decision as usize]
    }
}
