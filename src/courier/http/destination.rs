//! Sends records to another takeup.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use serde::Deserialize;
use tokio::time::sleep_until;

use crate::base::time::wall_us;
use crate::courier::cause::{Cause, Trouble};
use crate::courier::destination::{Destination, ShipError};
use crate::session::forward_path::{self, ForwardPath};
use crate::session::forward_secret::{BodyDigest, ForwardSecret};

use super::fault::{Refused, broken, refused};
use super::framed::FramedRecord;
use super::target::Target;

/// The largest body, unless one record is larger: what proxies and the other side let through.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The most bytes read of an answer.
const ANSWER_BYTES_MAX: usize = 4096;

/// A longer pause is not waited for: the other side may be back sooner than it thought.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Another takeup.
#[derive(Debug)]
pub struct HttpDestination {
    target: Target,
    secret: ForwardSecret,
    /// The logs that its records come from.
    path: Arc<ForwardPath>,
    client: Option<Client>,
    /// The other side asked not to be asked again before this moment.
    not_before: Option<Instant>,
}

/// The answer to a body that was stored.
#[derive(Debug, Deserialize)]
struct Stored {
    stored: u64,
}

impl HttpDestination {
    /// Does not connect yet.
    pub fn new(target: Target, secret: ForwardSecret, path: Arc<ForwardPath>) -> Self {
        Self { target, secret, path, client: None, not_before: None }
    }

    /// Sends one body, and returns once the other side has stored all of it.
    async fn send(&mut self, items: &[FramedRecord]) -> Result<(), Refused> {
        let result = self.exchange(items).await;
        if result.as_ref().is_err_and(|refused| !refused.records) {
            // Another connection may reach another core, or another server behind the same name.
            self.client = None;
        }
        result
    }

    async fn exchange(&mut self, items: &[FramedRecord]) -> Result<(), Refused> {
        let ours = |cause| Refused { records: false, cause };
        if let Some(moment) = self.not_before.take() {
            sleep_until(moment.into()).await;
        }
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(super::client::make(self.target.is_tls()).map_err(ours)?),
        };
        let mut body = Vec::with_capacity(items.iter().map(|item| item.0.len()).sum());
        items.iter().for_each(|item| body.extend_from_slice(&item.0));
        let now_ms = (wall_us() / 1000) as i64;
        let mut asked = client
            .post(self.target.records_url())
            .header(AUTHORIZATION, self.secret.sign(BodyDigest::of(&body), now_ms))
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body);
        if let Some(path) = self.path.header() {
            asked = asked.header(forward_path::HEADER, path);
        }
        let answer = asked.send().await.map_err(|error| ours(broken(error)))?;
        let (status, pause) = (answer.status().as_u16(), retry_after(&answer));
        let text = read(answer).await.map_err(|error| ours(broken(error)))?;
        if status != 200 {
            self.not_before = pause.map(|pause| Instant::now() + pause);
            return Err(refused(status, &reason(&text)));
        }
        match serde_json::from_slice::<Stored>(&text) {
            Ok(Stored { stored }) if stored == items.len() as u64 => Ok(()),
            _ => {
                let text = "it answers 200, but not as a takeup does: is the address right?";
                Err(ours(Cause::new(Trouble::Mismatch, "200", text)))
            }
        }
    }
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// The beginning of an answer's body.
async fn read(mut answer: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut text = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        let room = ANSWER_BYTES_MAX - text.len();
        text.extend_from_slice(&piece[..piece.len().min(room)]);
        if text.len() == ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(text)
}

/// What a refusal says, for people.
fn reason(text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
    }
    let mut text = match serde_json::from_slice::<Answer>(text) {
        Ok(answer) => answer.error,
        Err(_) => String::from_utf8_lossy(text).trim().to_owned(),
    };
    crate::base::text::clean(&mut text, 200);
    text
}

impl Destination for HttpDestination {
    type Item = FramedRecord;

    async fn ship(&mut self, items: &[FramedRecord]) -> Result<(), ShipError> {
        let mut begin = 0;
        while begin < items.len() {
            let mut bytes = 0;
            let fits = |item: &&FramedRecord| {
                bytes += item.0.len();
                bytes <= BODY_BYTES_MAX
            };
            let end = begin + items[begin..].iter().take_while(fits).count().max(1);
            if let Err(Refused { records, cause }) = self.send(&items[begin..end]).await {
                let error = match records {
                    true => ShipError::items(begin..end, cause),
                    false => ShipError::destination(cause),
                };
                return Err(error.after(begin));
            }
            begin = end;
        }
        Ok(())
    }

    fn disconnect(&mut self) {
        self.client = None;
    }

    /// Sends no records, which shows that the other side is there and that the secret is right.
    async fn idle(&mut self) -> Result<(), Cause> {
        self.send(&[]).await.map_err(|refused| refused.cause)
    }
}
