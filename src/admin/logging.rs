//! What the server logs, as the admin page sees and changes it.

use serde::{Deserialize, Serialize};

/// What is logged: by the settings of these names. In a request, what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// Which requests.
    pub log_requests: Option<String>,
    /// The lowest level of lines about the service.
    pub log_level: Option<String>,
}

/// Changes what is logged.
pub type SetLogging = Box<dyn Fn(&Logging) -> Result<(), LoggingError> + Send + Sync>;

/// Why it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoggingError {
    /// A value is none of the setting's.
    #[error("{0}")]
    Value(String),
    /// The server is busy with its settings, or stops.
    #[error("the settings are being read, or the server stops: try again")]
    Busy,
}
