//! Sends one batch over HTTP, as its client did.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::Agent;
use ureq::http::HeaderValue;

use crate::cli::error::CliError;
use crate::cli::output::plain;
use crate::log::format::record::{Encoding, Record, RecordId};
use crate::records::{BatchTexts, Content, Source, header_of};
use crate::session::SessionId;
use crate::session::token::{Secrets, Token};

use super::credentials::without_credentials;
use super::order::{Held, Item, Mark};

/// Each attempt signs a new token, so a token need not outlive one attempt.
const TOKEN_LIFE_MS: i64 = 3_600_000;

/// The most bytes read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// The destination of the batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    base: String,
}

impl Target {
    /// Parses the argument of `--to`.
    pub fn parse(url: &str) -> Result<Target, CliError> {
        let rest = url.strip_prefix("http://").unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        let shown = plain(&without_credentials(url), 200);
        if url.starts_with("https://") {
            return Err(CliError::Other(format!(
                "--to {shown}: this command does not speak TLS; give the server's plain http address, through a tunnel if need be"
            )));
        }
        if host.is_empty() || host.contains('@') || rest.contains(['?', '#', ' ']) {
            return Err(CliError::Other(format!(
                "--to {shown}: expected http://HOST:PORT with any path prefix, redis://HOST:PORT, kafka://HOST:PORT, log:DIR, or \"-\""
            )));
        }
        Ok(Target { base: url.trim_end_matches('/').to_owned() })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.base
    }
}

/// A batch to be sent.
#[derive(Debug, Clone)]
pub struct Job {
    held: Held,
    mark: Mark,
    due: Option<Instant>,
    path: &'static str,
    query: String,
    data_type: Option<Vec<u8>>,
}

impl Job {
    /// The request that a record came from.
    pub fn new(item: Item) -> Job {
        let Item { mark, due, held } = item;
        let record = held.record();
        let data_type = header_of(record.data_type, BatchTexts::read(&record.ext).data_type).map(<[u8]>::to_vec);
        let (path, query) = (path(&record), query(&record));
        Job { mark, due, path, query, data_type, held }
    }

    /// The bytes that it occupies in memory.
    pub fn bytes(&self) -> usize {
        self.held.bytes() + self.query.len() + size_of::<Job>()
    }

    /// The bytes of the batch.
    pub fn body_bytes(&self) -> u64 {
        self.held.payload.len() as u64
    }

    /// Its place in what is played.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// When it is due, where there is a pace.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    fn id(&self) -> RecordId {
        self.held.head.id
    }
}

/// The route on which a batch came.
fn path(record: &Record<'_>) -> &'static str {
    let source = match Content::of(record) {
        Content::MobileBatch(_) => Source::Mobile,
        Content::SdkBatch(_) => Source::Sdk,
        Content::UnusableBatch(batch) => batch.source,
        _ => Source::Web,
    };
    match source {
        Source::Web => "/v1/web/i",
        Source::Mobile => "/v1/mobile/i",
        Source::Sdk => "/v1/sdk/i",
    }
}

/// The request's query: the batch's label as its tracker wrote it, and the split of a `visual` upload.
pub(super) fn query(record: &Record<'_>) -> String {
    let mut query = String::new();
    if let Some(batch) = BatchTexts::read(&record.ext).query {
        query.push_str("?batch=");
        for &byte in batch {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                query.push(char::from(byte));
            } else {
                query.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    if record.split != 0 {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&format!("split={}", record.split));
    }
    query
}

/// The server's verdict on a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server has stored it.
    Stored,
    /// The server may accept it later: overload, restart or broken network.
    Later(String),
    /// The server will never accept this batch.
    Refused(String),
    /// The server will accept no batch: it does not know the tokens, or is not an ingestion server.
    Stop(String),
}

/// One connection to the server.
pub struct Sender<'a> {
    agent: Agent,
    target: &'a Target,
    secrets: &'a Secrets,
}

impl<'a> Sender<'a> {
    /// A connection that is opened with the first batch.
    pub fn new(target: &'a Target, secrets: &'a Secrets) -> Sender<'a> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(60)))
            .user_agent(concat!("takeup/", env!("CARGO_PKG_VERSION"), " replay"))
            // The operator named the target: a proxy from the environment must not interfere.
            .proxy(None)
            .build();
        Sender { agent: config.into(), target, secrets }
    }

    /// Makes one attempt to send a batch.
    pub fn send(&self, job: &Job) -> Answer {
        let token =
            Token { session: SessionId(job.held.head.session), delay_ms: 0, expires_ms: now_ms() + TOKEN_LIFE_MS };
        let mut request = self
            .agent
            .post(format!("{}{}{}", self.target.base, job.path, job.query))
            .header("Authorization", format!("Bearer {}", self.secrets.sign(&token)));
        if job.held.head.encoding != Encoding::Identity {
            request = request.header("Content-Encoding", job.held.head.encoding.as_str());
        }
        if let Some(data_type) = &job.data_type {
            match HeaderValue::from_bytes(data_type) {
                Ok(value) => request = request.header("DataType", value),
                Err(_) => return Answer::Refused(format!("record {}: its data type is no header value", job.id())),
            }
        }
        match request.send(&job.held.payload[..]) {
            Ok(mut response) => {
                let status = response.status().as_u16();
                // Read it to the end, or the connection could not be reused.
                let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
                judge(status, &String::from_utf8_lossy(&text.unwrap_or_default()), job)
            }
            Err(error) => Answer::Later(format!("record {}: {error}", job.id())),
        }
    }
}

/// What a status means for this batch and those after it.
fn judge(status: u16, text: &str, job: &Job) -> Answer {
    let said = format!("record {}: status {status} {}", job.id(), plain(text.trim(), 200));
    let said = said.trim_end().to_owned();
    match status {
        200..=299 => Answer::Stored,
        408 | 429 | 500.. => Answer::Later(said),
        401 => {
            Answer::Stop(format!("{said}; the server has another token secret: name its file with --token-secret-file"))
        }
        300..=399 | 404 | 405 => Answer::Stop(format!("{said}; is that the address of an ingestion server?")),
        _ => Answer::Refused(said),
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
