//! The log against a model of it, on a disk that forgets whatever was not synced.
//!
//! The log runs without its threads: what they do is called step by step, in an order that a seed tells, with power cuts, kills and failing
//! calls in between, also during recovery. A failing seed fails again. Seeds that have failed once are in `seeds.txt` and run first.

use std::path::Path;
use std::time::{Duration, Instant};

mod any_call;
mod disk;
mod every_byte;
mod history;
mod platter;
mod regressions;
mod rng;
mod running;
mod step;
mod world;

use super::read::reader::hand::temp_dir;

use disk::ModelDisk;
use history::Checked;
use rng::Rng;
use step::Step;
use world::World;

/// How many steps a history has.
const STEPS: usize = 400;

/// How many histories are tried each time.
const SEEDS: u64 = 24;

fn script(seed: u64) -> Vec<u64> {
    let mut rng = Rng::new(seed ^ 0x5c21_0000_0000_0000);
    (0..STEPS).map(|_| rng.next()).collect()
}

fn is_calm(seed: u64) -> bool {
    !seed.is_multiple_of(3)
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Totals {
    seeds: u64,
    sealed: u64,
    records: u64,
    acked: u64,
    outages: u64,
    recovered: u64,
    forgotten: u64,
    deleted: u64,
    recycled: u64,
    failures: u64,
}

impl Totals {
    fn add(&mut self, other: Totals) {
        self.seeds += 1;
        self.sealed += other.sealed;
        self.records += other.records;
        self.acked += other.acked;
        self.outages += other.outages;
        self.recovered += other.recovered;
        self.forgotten += other.forgotten;
        self.deleted += other.deleted;
        self.recycled += other.recycled;
        self.failures += other.failures;
    }
}

/// Plays a script. A panic of the log is a failure like any other.
fn play(disk: &'static ModelDisk, seed: u64, script: &[u64]) -> Checked<Totals> {
    let dir = temp_dir();
    let root = dir.path().to_path_buf();
    disk.begin(&root, seed);
    let played = std::panic::catch_unwind(|| -> Checked<Totals> {
        let mut world = World::new(disk, root.join("log"), seed)?;
        for (at, &word) in script.iter().enumerate() {
            let step = Step::decode(word, is_calm(seed));
            world.step(step).map_err(|error| format!("step {at}, {step:?}: {error}"))?;
        }
        world.step(Step::Stop { kill: false, temper: 0 }).map_err(|error| format!("the last cut: {error}"))?;
        Ok(Totals {
            seeds: 1,
            records: world.history.attempts.len() as u64,
            acked: world.history.attempts.iter().filter(|attempt| attempt.is_acked()).count() as u64,
            sealed: world.sealed,
            outages: world.outages,
            recovered: world.recovered,
            forgotten: world.history.forgotten,
            deleted: world.history.deleted,
            recycled: world.history.recycled,
            failures: disk.failures(),
        })
    });
    played.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        Err(said.or_else(|| panic.downcast_ref::<&str>().map(|said| said.to_string())).unwrap_or_default())
    })
}

/// Leaves steps out of a failing script as long as it fails without them.
fn shorten(disk: &'static ModelDisk, seed: u64, mut script: Vec<u64>) -> (Vec<u64>, String) {
    let mut error = play(disk, seed, &script).expect_err("it failed before");
    let mut part = script.len() / 2;
    while part > 0 {
        let mut at = 0;
        while at < script.len() {
            let mut shorter = script.clone();
            shorter.drain(at..(at + part).min(script.len()));
            match play(disk, seed, &shorter) {
                Err(still) => (script, error) = (shorter, still),
                Ok(_) => at += part,
            }
        }
        part /= 2;
    }
    (script, error)
}

fn check_seed(disk: &'static ModelDisk, seed: u64) -> Totals {
    let script = script(seed);
    match play(disk, seed, &script) {
        Ok(totals) => totals,
        Err(error) => {
            // Said at once: what follows takes a while.
            eprintln!("seed {seed}: {error}");
            let (short, last) = shorten(disk, seed, script);
            let steps: Vec<String> =
                short.iter().map(|&word| format!("  {:?}", Step::decode(word, is_calm(seed)))).collect();
            panic!("seed {seed}: {error}\nshortened to {} steps: {last}\n{}", short.len(), steps.join("\n"));
        }
    }
}

/// Whether there is time for everything.
fn is_long() -> bool {
    std::env::var_os("TAKEUP_LONG").is_some()
}

/// One for the process, because segments hold their disk for as long as they live.
fn new_disk() -> &'static ModelDisk {
    Box::leak(Box::new(ModelDisk::new(Path::new("/"), 0)))
}

/// The seeds that have failed once; what follows a `#` tells why.
fn seeds_that_have_failed() -> impl Iterator<Item = u64> {
    let lines = include_str!("seeds.txt").lines();
    let words = lines.filter_map(|line| line.split('#').next()?.split_whitespace().next());
    words.map(|word| word.parse().expect("a seed is a number"))
}

/// How long to go on, where there is time.
fn long_run() -> Option<Duration> {
    let seconds = std::env::var("TAKEUP_MODEL_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    seconds.or_else(|| is_long().then_some(3_600)).map(Duration::from_secs)
}

#[test]
fn a_seed_gives_the_same_history_again() {
    let disk = new_disk();
    for seed in 1..4 {
        let script = script(seed);
        let first = play(disk, seed, &script).unwrap();
        assert_eq!(play(disk, seed, &script).unwrap(), first);
    }
}

#[test]
fn random_histories_keep_every_promise() {
    let disk = new_disk();
    let begun = Instant::now();
    let mut sum = Totals::default();
    if let Ok(seed) = std::env::var("TAKEUP_MODEL_SEED") {
        println!("{:?}", check_seed(disk, seed.parse().expect("a seed is a number")));
        return;
    }
    for seed in seeds_that_have_failed().chain(1..=SEEDS) {
        sum.add(check_seed(disk, seed));
    }
    if let Some(time) = long_run() {
        // Other seeds each time; a failing one is printed.
        let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        for seed in (first..).take_while(|_| begun.elapsed() < time) {
            sum.add(check_seed(disk, seed));
        }
    }
    println!("{sum:?}");
    // A model in which nothing happens proves nothing.
    let enough = [sum.sealed, sum.recovered, sum.failures, sum.deleted].iter().all(|&count| count > 20);
    assert!(sum.acked > 1_000 && enough && sum.recycled > 0, "{sum:?}");
}
