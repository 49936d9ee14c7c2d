//! The name of a consumer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name.
pub const NAME_BYTES_MAX: usize = 32;

/// The name of a consumer: 1 to 32 of `a-z`, `0-9` and `-`, not beginning with `-`. It names a file, and can be typed after a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsumerName(String);

impl ConsumerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConsumerName {
    type Err = String;

    fn from_str(text: &str) -> Result<ConsumerName, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.starts_with('-') || !text.bytes().all(fits) {
            return Err(format!("expected 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -, such as courier-kafka"));
        }
        Ok(ConsumerName(text.to_owned()))
    }
}

impl TryFrom<String> for ConsumerName {
    type Error = String;

    fn try_from(text: String) -> Result<ConsumerName, String> {
        text.parse()
    }
}

impl From<ConsumerName> for String {
    fn from(name: ConsumerName) -> String {
        name.0
    }
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
