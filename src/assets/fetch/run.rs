//! All addresses that are wanted, one after the other, kept in batches.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use url::Url;

use crate::assets::address::Address;
use crate::assets::change::{Change, Limits};
use crate::assets::error::AssetsError;
use crate::assets::index::{AssetId, ProjectIndex};
use crate::assets::kind::Kind;
use crate::assets::store::Store;

use super::client::Client;
use super::follow::{Found, follow};
use super::left_out::LeftOut;
use super::network::Networks;
use super::pace::Pace;
use super::wanted::{Named, Wanted};

/// So many assets are kept at once.
const BATCH_MAX: usize = 32;
/// And so many bytes, or one asset.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// What is to be done, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The project whose recordings show the assets.
    pub project: u32,
    /// The networks that may be asked.
    pub networks: Networks,
    /// Whether an address of `https:` may be asked for.
    pub with_tls: bool,
    /// The time between two requests.
    pub gap: Duration,
    /// How long a request may take, answer included.
    pub timeout: Duration,
    /// How many addresses are asked for at most.
    pub most: u64,
    /// Whether also those that are kept.
    pub again: bool,
    /// How much may be kept.
    pub limits: Limits,
    /// The time, in Unix ms.
    pub now_ms: fn() -> u64,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Addresses that were fetched and are kept.
    pub fetched: u64,
    /// Of these, those that are new or have another content than before.
    pub new: u64,
    /// Of these, those that had it before.
    pub unchanged: u64,
    /// Addresses that were kept, and not asked for.
    pub kept_before: u64,
    /// Addresses that have led to one that is not allowed.
    pub led_out: u64,
    /// Addresses whose host is in a network that is not asked.
    pub refused_address: u64,
    /// Files that are larger than they may be.
    pub too_large: u64,
    /// Files that are no style sheets, pictures or fonts.
    pub other_types: u64,
    /// Files that the site does not have.
    pub missing: u64,
    /// Addresses without a whole answer.
    pub failed: u64,
    /// Addresses for which there was no room, or whose host was left alone.
    pub not_asked: u64,
    /// Assets that had to leave because the store was full.
    pub evicted: u64,
}

/// What happens.
#[derive(Debug)]
pub enum Step<'a> {
    /// An address is asked for, while so many wait.
    Asks(&'a Address, u64),
    /// An address is not kept.
    LeftOut(&'a Address, &'a LeftOut),
}

/// Why a run ends early.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The assets can't be read or changed.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// There can be no requests.
    #[error("cannot {0}")]
    Client(String),
}

/// Fetches what is wanted, and what its style sheets want, and keeps it. What was fetched before an error is kept, but for the last batch.
///
/// # Errors
/// [`FetchError`]; what is wrong with an address or with its host is none.
pub fn fetch(
    store: &Store,
    order: &Order,
    wanted: &Arc<Wanted>,
    watch: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched, FetchError> {
    let index = store.project(order.project)?;
    let mut run = Run {
        store,
        order,
        wanted,
        index,
        asker: None,
        read: HashSet::new(),
        batch: Batch::default(),
        done: Fetched::default(),
    };
    let mut asked = 0;
    while let Some(named) = wanted.take() {
        if !order.again && run.is_kept(&named)? {
            run.done.kept_before += 1;
        } else if asked >= order.most {
            run.done.not_asked += 1;
        } else {
            watch(Step::Asks(&named.address, wanted.waiting()));
            match run.ask(&named)? {
                Err(LeftOut::HostLeft) => run.done.not_asked += 1,
                Err(why) => {
                    asked += 1;
                    run.count(&why);
                    watch(Step::LeftOut(&named.address, &why));
                }
                Ok(()) => asked += 1,
            }
        }
        if run.batch.is_full() {
            run.keep(watch)?;
        }
    }
    run.keep(watch)?;
    run.done.not_asked += wanted.passed();
    Ok(run.done)
}

struct Run<'a> {
    store: &'a Store,
    order: &'a Order,
    wanted: &'a Arc<Wanted>,
    /// What was kept before.
    index: ProjectIndex,
    asker: Option<Asker>,
    /// Kept style sheets that were looked at.
    read: HashSet<AssetId>,
    batch: Batch,
    done: Fetched,
}

#[derive(Default)]
struct Batch {
    assets: Vec<(Address, Found)>,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.assets.len() >= BATCH_MAX || self.bytes >= BATCH_BYTES_MAX
    }
}

impl Run<'_> {
    /// Whether something is kept of an address. What a kept style sheet names is wanted, too: a run may have ended before it was fetched.
    fn is_kept(&mut self, named: &Named) -> Result<bool, FetchError> {
        let Ok(url) = Url::parse(named.address.as_str()) else { return Ok(false) };
        let Some((address, entry)) = self.index.find(&url) else { return Ok(false) };
        if entry.kind == Kind::Css && self.read.insert(AssetId::of(address)) {
            // One that is damaged, or has gone, is fetched again.
            let Some(text) = self.store.read(entry).ok().flatten() else { return Ok(false) };
            self.wanted.sheet(&named.with(address.clone()), &text);
        }
        Ok(true)
    }

    fn ask(&mut self, named: &Named) -> Result<Result<(), LeftOut>, FetchError> {
        let asker = match &mut self.asker {
            Some(asker) => asker,
            none => none.insert(Asker::new(self.order)?),
        };
        let Asker { runtime: Some(runtime), client, pace } = asker else { return Ok(Err(LeftOut::HostLeft)) };
        let found = match runtime.block_on(follow(&named.address, client, self.wanted, pace)) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        if found.kind == Kind::Css {
            self.wanted.sheet(named, &found.bytes);
        }
        self.batch.bytes += found.bytes.len();
        self.batch.assets.push((named.address.clone(), found));
        Ok(Ok(()))
    }

    /// Keeps what was fetched. The store is locked for this alone.
    fn keep(&mut self, watch: &mut dyn FnMut(Step<'_>)) -> Result<(), FetchError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.assets.is_empty() {
            return Ok(());
        }
        let mut change = Change::begin(self.store, self.order.limits)?;
        for (address, Found { kind, bytes }) in batch.assets {
            match change.add(self.order.project, address.clone(), kind, &bytes, (self.order.now_ms)())? {
                Ok(()) => self.done.fetched += 1,
                Err(_) => {
                    self.done.too_large += 1;
                    watch(Step::LeftOut(&address, &LeftOut::TooLarge));
                }
            }
        }
        let changed = change.finish()?;
        self.done.new += changed.added;
        self.done.unchanged += changed.unchanged;
        self.done.evicted += changed.evicted;
        Ok(())
    }

    fn count(&mut self, why: &LeftOut) {
        let done = &mut self.done;
        let count = match why {
            LeftOut::NotAllowed(_) => &mut done.led_out,
            LeftOut::RefusedAddress(_) => &mut done.refused_address,
            LeftOut::TooLarge => &mut done.too_large,
            LeftOut::OtherType => &mut done.other_types,
            LeftOut::Missing(_) => &mut done.missing,
            LeftOut::Failed(_) => &mut done.failed,
            LeftOut::HostLeft => &mut done.not_asked,
        };
        *count += 1;
    }
}

/// What requests need. Made for the first of them.
struct Asker {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    client: Client,
    pace: Pace,
}

impl Asker {
    fn new(order: &Order) -> Result<Asker, FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| FetchError::Client(format!("make a runtime: {error}")))?;
        let client = Client::new(order.networks.clone(), order.with_tls, order.timeout, order.limits.asset_bytes);
        let client = client.map_err(FetchError::Client)?;
        Ok(Asker { runtime: Some(runtime), client, pace: Pace::new(order.gap) })
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        // A name that nobody resolves holds nothing up.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
