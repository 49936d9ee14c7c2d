//! The buffers for judging starts.

use crate::client::agent_cache::AgentCache;
use crate::client::geo::Location;
use crate::codec::json::JsonScratch;
use crate::directory::Question;
use crate::session::start::{MobileStartRequest, SdkStartRequest, WebStartRequest};

/// Every row is shorter than this, because it must fit into a record's extensions beside other things.
pub const ROW_BYTES_MAX: usize = 60_000;
const _: () = assert!(ROW_BYTES_MAX < u16::MAX as usize, "the extensions of a record have a length of 16 bits");

/// After a body larger than this, the buffers are freed.
pub(super) const LARGE_BYTES: usize = 16 * 1024;

/// The buffers of one core, reused from start to start.
pub struct StartScratch {
    /// The JSON of the answer, both for a granted session and for a refusal.
    pub response: Vec<u8>,
    /// The session's first message, if there is one to record.
    pub message: Vec<u8>,
    /// The row for table `sessions` as JSON, if there is something to record. Always shorter than [`ROW_BYTES_MAX`].
    pub row: Vec<u8>,
    /// The plain text of a refusal, for the log line.
    pub error: String,
    /// The tracker's version as sent, cleaned and cut, for the log line. May be empty.
    pub tracker: String,
    /// The project that a refused start names, if the directory does not have it.
    pub unknown: Option<Question>,
    pub(super) agents: AgentCache,
    pub(super) json: JsonScratch,
    pub(super) web: WebStartRequest,
    pub(super) mobile: MobileStartRequest,
    pub(super) sdk: SdkStartRequest,
    pub(super) place: Location,
    pub(super) token: String,
}

impl StartScratch {
    /// Empty buffers, and a cache of at most `agents_max` user agents.
    pub fn new(agents_max: usize) -> Self {
        Self {
            response: Vec::new(),
            message: Vec::new(),
            row: Vec::new(),
            error: String::new(),
            tracker: String::new(),
            unknown: None,
            agents: AgentCache::new(agents_max),
            json: JsonScratch::default(),
            web: WebStartRequest::default(),
            mobile: MobileStartRequest::default(),
            sdk: SdkStartRequest::default(),
            place: Location::default(),
            token: String::new(),
        }
    }

    /// The cache of parsed user agents.
    pub fn agents(&mut self) -> &mut AgentCache {
        &mut self.agents
    }

    pub(super) fn clear(&mut self) {
        self.response.clear();
        self.message.clear();
        self.row.clear();
        self.error.clear();
        self.tracker.clear();
        self.unknown = None;
    }

    /// Call this after each request, with the size of its body. No text in these buffers is more than a few times as long as the body, so
    /// they are freed only after a large one.
    pub fn give_back(&mut self, body_bytes: usize) {
        if body_bytes <= LARGE_BYTES {
            return;
        }
        self.json = JsonScratch::default();
        (self.web, self.mobile, self.sdk) = Default::default();
        self.response = Vec::new();
        self.message = Vec::new();
        self.row = Vec::new();
        self.error = String::new();
        self.tracker = String::new();
    }
}
