//! What of a batch's body is shown in the list: addresses, the user, and how many errors there were.

use crate::checker::BodyReader;
use crate::log::format::record::{Kind, Record};
use crate::tracker::{Era, Value, read_batch, split_parts};

/// Batches that are larger are not looked into.
const INFLATED_BYTES_MAX: usize = 4 << 20;
/// Addresses of one batch.
const PAGES_MAX: usize = 8;

/// What was found in a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The addresses of its pages.
    pub pages: Vec<String>,
    /// The name that the site gave the user.
    pub user: Option<String>,
    /// Errors of its pages.
    pub errors: u64,
}

/// Looks into a record. `None`: it is a batch that cannot be read.
pub fn look_into(record: &Record<'_>, bodies: &mut BodyReader) -> Option<Details> {
    let mut details = Details::default();
    if record.kind != Kind::Batch {
        return Some(details);
    }
    let bytes = bodies.plain(record, INFLATED_BYTES_MAX).ok()?;
    let split = (record.split != 0).then_some(record.split as usize);
    let (first, second) = split_parts(bytes, split).ok()?;
    for part in [Some(first), second].into_iter().flatten() {
        details.add(part)?;
    }
    Some(details)
}

impl Details {
    fn add(&mut self, bytes: &[u8]) -> Option<()> {
        // The generations differ in messages that are of no interest here.
        for message in read_batch(bytes, Era::default()) {
            let message = message.ok()?;
            let text = |wanted: &str| {
                message.fields().find_map(|(name, value)| match value {
                    Value::Str(bytes) if name == wanted => Some(String::from_utf8_lossy(bytes).into_owned()),
                    _ => None,
                })
            };
            match message.name {
                "SetPageLocation" | "SetPageLocationDeprecated" => self.page(text("URL")?),
                "JSException" | "JSExceptionDeprecated" => self.errors += 1,
                "UserID" => self.user = text("ID").filter(|user| !user.is_empty()),
                _ => {}
            }
        }
        Some(())
    }

    fn page(&mut self, page: String) {
        if !page.is_empty() && self.pages.len() < PAGES_MAX && !self.pages.contains(&page) {
            self.pages.push(page);
        }
    }
}
