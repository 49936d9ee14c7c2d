//! The rules of OpenReplay's trackers: how they start, what they do about each answer, and when they give up for good.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::body::Body;
use super::browser::{Browser, Fetch, Rejected};
use super::ledger::{Entry, hash};
use super::plan::Tracker as Generation;
use super::profile::{Batch, Profile, What};
use super::world::{Waiting, World, now_ms};

/// How often a batch is tried again before the tracker stops for good.
const RETRIES_MAX: u32 = 10;

/// The wait before the first retry; before the n-th it is n times as long, 13.75 s in all.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What is compressed if the server does not say.
const THRESHOLD: usize = 24_000;

/// The tracker of one visitor.
pub struct Tracker {
    world: Rc<World>,
    browser: Browser,
    user: String,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    token: Option<HeaderValue>,
    token_text: Option<String>,
    session: u64,
    project: String,
    user_uuid: Option<String>,
    threshold: usize,
    recording: bool,
    starts: u32,
    order: u32,
}

/// The part of a start's answer that trackers need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    token: String,
    #[serde(rename = "sessionID")]
    session: String,
    #[serde(rename = "projectID", default)]
    project: String,
    #[serde(rename = "userUUID")]
    user_uuid: Option<String>,
    compression_threshold: Option<usize>,
}

/// What came of all tries of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Acknowledged,
    /// 401.
    Unauthorized,
    /// No try was answered well.
    Failed,
}

/// What came of one try.
enum Try {
    Acknowledged,
    Unauthorized,
    /// With what the next try adds to its address.
    Refused(String),
}

/// A batch of a visit, by its place there.
#[derive(Clone, Copy)]
pub struct Place {
    /// The step.
    pub step: usize,
    /// The batch within the step.
    pub batch: usize,
}

impl Place {
    fn find(self, profile: &Profile) -> &Batch {
        match &profile.steps[self.step].what {
            What::Send(batches) | What::Hide(batches) | What::Leave(batches) => &batches[self.batch],
            What::Start | What::Tags | What::Flags => unreachable!("places are made of steps with batches"),
        }
    }
}

impl Tracker {
    /// The tracker in this visitor's browser.
    pub fn new(world: &Rc<World>, visitor: u32, user: String) -> Rc<Tracker> {
        let browser = Browser::new(world, visitor);
        Rc::new(Tracker { world: Rc::clone(world), browser, user, state: RefCell::default() })
    }

    /// Whether it records.
    pub fn is_recording(&self) -> bool {
        self.state.borrow().recording
    }

    fn generation(&self) -> Generation {
        self.world.plan.tracker
    }

    /// Asks for a session, on a new page or after a 401. A tracker that is refused does not record.
    pub async fn start(&self, due: Instant) {
        let _busy = self.world.begin();
        let started = self.ask_to_start(due).await;
        let mut tally = self.world.tally.borrow_mut();
        match started {
            Ok(()) => tally.starts.record(due.elapsed()),
            Err(_) => {
                tally.counts.starts_refused += 1;
                tally.counts.trackers_lost += 1;
            }
        }
    }

    /// The same, or what the server answered: none if it did not.
    pub async fn ask_to_start(&self, due: Instant) -> Result<(), Option<(u16, Bytes)>> {
        let fetch = Fetch {
            method: Method::POST,
            path: "/v1/web/start".to_owned(),
            asks: "content-type",
            fields: HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
            body: self.start_body().into(),
        };
        self.state.borrow_mut().recording = false;
        let answer = self.browser.fetch(&fetch, due).await.map_err(|Rejected| None)?;
        let refused = || Some((answer.status, answer.body.clone()));
        if answer.status != 200 {
            return Err(refused());
        }
        let started: Started = serde_json::from_slice(&answer.body).map_err(|_| refused())?;
        let token = HeaderValue::from_str(&format!("Bearer {}", started.token)).map_err(|_| refused())?;
        let session = started.session.parse().map_err(|_| refused())?;
        let mut state = self.state.borrow_mut();
        state.starts += 1;
        state.token = Some(token);
        state.token_text = Some(started.token);
        state.session = session;
        state.project = started.project;
        state.user_uuid = started.user_uuid;
        state.threshold = started.compression_threshold.unwrap_or(THRESHOLD);
        state.recording = true;
        Ok(())
    }

    fn start_body(&self) -> Vec<u8> {
        let state = self.state.borrow();
        let now = now_ms();
        let mut body = self.world.profile.start.clone();
        let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
        set("projectKey", self.world.plan.project.as_str().into());
        set("userUUID", state.user_uuid.as_deref().into());
        set("userID", self.user.as_str().into());
        set("timestamp", now.into());
        set("bufferDiff", if self.generation() == Generation::V12 { now.into() } else { 0.into() });
        // 18.0 stores the token in a way that its first restart does not find.
        let finds_token = self.generation() != Generation::V18 || state.starts > 1;
        if let Some(token) = state.token_text.as_deref().filter(|_| finds_token) {
            set("token", token.into());
        }
        Value::Object(body).to_string().into_bytes()
    }

    /// Asks for the project's tags. The answer changes nothing.
    pub async fn ask_for_tags(&self, due: Instant) {
        let Some(fields) = self.authorization() else { return };
        let (method, path) = (Method::GET, "/v1/web/tags".to_owned());
        self.ask(Fetch { method, path, asks: "authorization", fields, body: Bytes::new() }, due).await;
    }

    /// Asks for the project's feature flags. The answer changes nothing.
    pub async fn ask_for_flags(&self, due: Instant) {
        let Some(mut fields) = self.authorization() else { return };
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = json!({
            "projectID": self.state.borrow().project, "userID": self.user, "metadata": {}, "referrer": "", "os": "Linux",
            "device": "", "country": "UN", "state": "", "city": "", "browser": "Chrome", "persistFlags": {},
        });
        let (method, path) = (Method::POST, "/v1/web/feature-flags".to_owned());
        let body = body.to_string().into_bytes().into();
        self.ask(Fetch { method, path, asks: "authorization,content-type", fields, body }, due).await;
    }

    async fn ask(&self, fetch: Fetch, due: Instant) {
        let _busy = self.world.begin();
        let _ = self.browser.fetch(&fetch, due).await;
    }

    fn authorization(&self) -> Option<HeaderMap> {
        let token = self.state.borrow().token.clone()?;
        Some(HeaderMap::from_iter([(header::AUTHORIZATION, token)]))
    }

    /// Sends batches one after another.
    pub async fn send(self: &Rc<Self>, places: &[Place], due: Instant) {
        let _busy = self.world.begin();
        let mut queue: Vec<(Place, Waiting)> = self.queue(places, due);
        queue.reverse();
        while let Some((place, waiting)) = queue.pop() {
            let order = self.next_order();
            let delivery = self.deliver(place, &waiting, due, Some(order)).await;
            waiting.end();
            match delivery {
                Delivery::Acknowledged => {}
                Delivery::Unauthorized => {
                    self.lose(1);
                    self.lose_all(queue);
                    return self.restart().await;
                }
                Delivery::Failed => {
                    self.lose(1);
                    queue.reverse();
                    return self.stop(queue, due).await;
                }
            }
        }
    }

    /// Sends batches at the same time: the tab was hidden, and its page lives on.
    pub async fn send_together(self: &Rc<Self>, places: &[Place], due: Instant) {
        let _busy = self.world.begin();
        let sent = self.queue(places, due).into_iter().map(|(place, waiting)| {
            let tracker = Rc::clone(self);
            tokio::task::spawn_local(async move {
                let delivery = tracker.deliver(place, &waiting, due, None).await;
                waiting.end();
                delivery
            })
        });
        let sent: Vec<JoinHandle<_>> = sent.collect();
        let mut worst = Delivery::Acknowledged;
        for delivery in sent {
            let delivery = delivery.await.unwrap_or(Delivery::Failed);
            if delivery != Delivery::Acknowledged {
                self.lose(1);
                worst = delivery;
            }
        }
        match worst {
            Delivery::Acknowledged => {}
            Delivery::Unauthorized => self.restart().await,
            Delivery::Failed => self.stop(Vec::new(), due).await,
        }
    }

    /// Sends batches at the same time, once: the page is left. Some pages do not live longer than their preflights.
    pub fn leave(self: &Rc<Self>, places: &[Place], due: Instant) {
        for (place, waiting) in self.queue(places, due) {
            let tracker = Rc::clone(self);
            let busy = self.world.begin();
            tokio::task::spawn_local(async move {
                let sent = tracker.deliver_once(place, &waiting, due).await;
                waiting.end();
                if !sent {
                    tracker.world.tally.borrow_mut().counts.batches_lost_at_leave += 1;
                }
                drop(busy);
            });
        }
        for place in places.iter().filter(|place| place.find(&self.world.profile).body.is_none()) {
            let (tracker, place, busy) = (Rc::clone(self), *place, self.world.begin());
            tokio::task::spawn_local(async move {
                let batch = place.find(&tracker.world.profile);
                if let Some(fetch) = tracker.batch_request(batch, None, "") {
                    tracker.browser.ask(&fetch, due).await;
                }
                drop(busy);
            });
        }
    }

    /// The batches with a body; from now on they are due.
    fn queue(&self, places: &[Place], due: Instant) -> Vec<(Place, Waiting)> {
        let with_body = places.iter().filter(|place| place.find(&self.world.profile).body.is_some());
        with_body.map(|place| (*place, self.world.begin_batch(due))).collect()
    }

    fn next_order(&self) -> u32 {
        let mut state = self.state.borrow_mut();
        state.order += 1;
        state.order
    }

    /// Tries a batch until it is acknowledged, or once more than ten times.
    async fn deliver(&self, place: Place, waiting: &Waiting, due: Instant, order: Option<u32>) -> Delivery {
        let (mut due, mut suffix) = (due, String::new());
        let Some(body) = self.body(place, waiting) else { return Delivery::Failed };
        for retry in 1..=RETRIES_MAX + 1 {
            match self.attempt(place, &body, &suffix, due, order).await {
                Try::Acknowledged => return Delivery::Acknowledged,
                Try::Unauthorized => return Delivery::Unauthorized,
                Try::Refused(reason) => suffix = reason,
            }
            if retry <= RETRIES_MAX {
                self.world.tally.borrow_mut().counts.retries += 1;
                self.world.alarms.after(RETRY_AFTER * retry).await;
                due = Instant::now();
            }
        }
        Delivery::Failed
    }

    /// Tries a batch once, and tells whether it was acknowledged.
    async fn deliver_once(&self, place: Place, waiting: &Waiting, due: Instant) -> bool {
        let Some(body) = self.body(place, waiting) else { return false };
        matches!(self.attempt(place, &body, "", due, None).await, Try::Acknowledged)
    }

    fn body(&self, place: Place, waiting: &Waiting) -> Option<Body> {
        let template = place.find(&self.world.profile).body.as_ref()?;
        let mark = format!("{}.{}", self.world.run, waiting.number());
        Some(template.body(now_ms(), &mark, self.state.borrow().threshold))
    }

    async fn attempt(&self, place: Place, body: &Body, suffix: &str, due: Instant, order: Option<u32>) -> Try {
        let batch = place.find(&self.world.profile);
        let session = self.state.borrow().session;
        let Some(fetch) = self.batch_request(batch, Some(body), suffix) else {
            return Try::Refused(String::new());
        };
        let reason = match self.browser.fetch(&fetch, due).await {
            Ok(answer) if answer.status == 401 => return Try::Unauthorized,
            Ok(answer) if answer.status < 400 => {
                let mut tally = self.world.tally.borrow_mut();
                tally.counts.batches_acknowledged += 1;
                tally.counts.batch_bytes_acknowledged += body.bytes.len() as u64;
                if let Some(ledger) = &self.world.ledger {
                    ledger.note(Entry { session, hash: hash(&body.bytes), order });
                }
                return Try::Acknowledged;
            }
            Ok(answer) => format!("_network:{}", answer.status),
            Err(Rejected) => "_reject:Failed%20to%20fetch".to_owned(),
        };
        Try::Refused(reason)
    }

    /// The request of a batch; without a body, what its preflight asks for.
    fn batch_request(&self, batch: &Batch, body: Option<&Body>, suffix: &str) -> Option<Fetch> {
        let mut fields = self.authorization()?;
        let packed = body.is_some_and(|body| body.packed);
        if packed {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(data_type) = &batch.data_type {
            fields.insert(HeaderName::from_static("datatype"), HeaderValue::from_str(data_type).ok()?);
        }
        let bytes = body.map(|body| body.bytes.clone()).unwrap_or_default();
        let path = match self.generation() {
            Generation::V12 => "/v1/web/i".to_owned(),
            Generation::V18 => {
                let mark = if suffix.is_empty() { "" } else { "_$3" };
                format!("/v1/web/i?batch={}{suffix}{mark}&keepalive=yes", batch.label)
            }
            Generation::V19 => {
                let split = body.and_then(|body| body.split);
                let split = split.map(|split| format!("&split={split}")).unwrap_or_default();
                format!("/v1/web/i?batch={}_{}_kyes{suffix}{split}", batch.label, bytes.len())
            }
        };
        let asks = match (self.generation(), packed) {
            (Generation::V12, false) => "authorization",
            (Generation::V12, true) => "authorization,content-encoding",
            (_, false) => "authorization,datatype",
            (_, true) => "authorization,content-encoding,datatype",
        };
        Some(Fetch { method: Method::POST, path, asks, fields, body: bytes })
    }

    /// After a 401: a new start, which continues the session if the server still takes the token.
    async fn restart(&self) {
        self.world.tally.borrow_mut().counts.restarts += 1;
        let wait = if self.generation() == Generation::V12 { 30 } else { 200 };
        self.world.alarms.after(Duration::from_millis(wait)).await;
        self.start(Instant::now()).await;
    }

    /// Stops for good: what is queued is tried once, as far as this generation does.
    async fn stop(self: &Rc<Self>, queue: Vec<(Place, Waiting)>, due: Instant) {
        {
            let mut state = self.state.borrow_mut();
            if !std::mem::replace(&mut state.recording, false) {
                return self.lose_all(queue);
            }
        }
        self.world.tally.borrow_mut().counts.trackers_lost += 1;
        let tried = match self.generation() {
            Generation::V12 => 1,
            Generation::V18 => 2,
            Generation::V19 => usize::MAX,
        };
        let mut queue = queue.into_iter();
        let last = queue.by_ref().take(tried).map(|(place, waiting)| {
            let tracker = Rc::clone(self);
            tokio::task::spawn_local(async move {
                let sent = tracker.deliver_once(place, &waiting, due).await;
                waiting.end();
                tracker.lose(u64::from(!sent));
            })
        });
        for sent in last.collect::<Vec<_>>() {
            let _ = sent.await;
        }
        self.lose_all(queue.collect());
    }

    fn lose(&self, batches: u64) {
        self.world.tally.borrow_mut().counts.batches_lost += batches;
    }

    fn lose_all(&self, queue: Vec<(Place, Waiting)>) {
        self.lose(queue.len() as u64);
        queue.into_iter().for_each(|(_, waiting)| waiting.end());
    }
}
