//! Plays records: which ones, in which order, when, and from where a replay that was ended goes on.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::error::CliError;
use crate::cli::output::{counted, warn};
use crate::cli::replay::args::ReplayArgs;
use crate::cli::replay::order::{Budget, Held, Item, Mark, Spill};
use crate::cli::replay::outcome::Outcome;
use crate::cli::replay::rate::Rate;
use crate::cli::replay::source::{Findings, Means, ReadCounts, Tables, Wanted, origins};
use crate::cli::replay::summary::{Choice, Filter, Found};
use crate::cli::tail::stop_flag;
use crate::cli::time::exact;
use crate::log::copy::CopyEnd;

use super::at_rate::AtRate;
use super::in_order::{Earlier, InOrder, Reading, Stretch};
use super::pace::Pace;
use super::progress::Progress;
use super::state::{Asked, State, StateFile};

/// How often a wait looks whether it was cancelled.
const NOTICE_AFTER: Duration = Duration::from_millis(100);

/// What a destination needs.
#[derive(Debug, Clone)]
pub struct Begin<'a> {
    /// Which kinds of records it is sent.
    pub choice: Choice,
    /// How many times faster than recorded; `None`: as fast as it goes.
    pub speed: Option<f64>,
    /// Its name in the state, without credentials.
    pub to: &'a str,
    /// How many connections have a place of their own in the state.
    pub connections: u16,
}

/// Records, one by one.
#[derive(Debug)]
pub struct Player {
    stream: Stream,
    filter: Filter,
    pace: Pace,
    /// How far playing is.
    pub progress: Progress,
    stop: Arc<AtomicBool>,
    state: Option<StateFile>,
    /// What earlier runs have sent, by connection.
    sent_before: Vec<Option<Mark>>,
    counts: Arc<ReadCounts>,
    rounds: u32,
    first_round: u32,
    played_bytes: u64,
    began: Instant,
    records_before: u64,
}

#[derive(Debug)]
enum Stream {
    InOrder(Box<InOrder>),
    AtRate(Box<AtRate>),
    /// Interrupted before anything could be played.
    None,
}

impl Player {
    /// Finds the sources and the place to begin at, and begins to read.
    ///
    /// # Errors
    /// A source is none or can't be read, or the state is of another replay.
    pub fn begin(args: &ReplayArgs, data: &Path, begin: &Begin<'_>) -> Result<Self, CliError> {
        let began = Instant::now();
        let origins = origins(&args.sources, data, args.source, &args.serve_args())?;
        let stop = stop_flag().map_err(|error| CliError::Other(format!("signals can't be waited for: {error}")))?;
        let asked = asked(args, data, begin);
        let fresh = State::fresh(asked, args.from.unwrap_or(0), args.until.unwrap_or(u64::MAX));
        let (state, is_resumed) = match &args.resume {
            Some(path) => StateFile::open(path, fresh).map(|(state, found)| (Some(state), found))?,
            None => (None, false),
        };
        let known = state.as_ref().map(|file| &file.state);
        let mut wanted = Wanted {
            from_us: known.map_or(args.from.unwrap_or(0), |state| state.from_us),
            until_us: known.map_or(args.until.unwrap_or(u64::MAX), |state| state.until_us),
            project: args.project,
            sessions: None,
            after: None,
            up_to: None,
            tables: if begin.choice == Choice::Batches { Tables::Batches } else { Tables::All },
            with_repeats: args.with_repeats,
            unproven: args.unproven,
        };
        wanted.sessions = args.chosen_sessions(&origins, &|| stop.load(Ordering::Relaxed))?;
        let counts = Arc::new(ReadCounts::default());
        let means = Means {
            budget: Budget::new(args.memory),
            spill: Spill::default(),
            counts: Arc::clone(&counts),
            stop: Arc::clone(&stop),
            closed: Arc::default(),
        };
        let reading = Reading { origins, wanted, means };
        let mut progress = Progress::new(begin.to == "-");
        let mut filter = Filter::new(args, begin.choice);
        let all_before = known.and_then(State::all_before);
        let known_stretch = known.filter(|_| is_resumed).map(|state| state.stretch);
        let (stream, pace) = match args.rate() {
            None => {
                let earlier = known_stretch.map(|stretch| {
                    let is_read = known.is_some_and(|state| state.marks.iter().flatten().any(|mark| mark.round > 0));
                    Earlier { after: all_before, stretch, is_read }
                });
                let stream = InOrder::start(reading, args.rounds(), args.seed, earlier)?;
                (Stream::InOrder(Box::new(stream)), Pace::new(begin.speed))
            }
            Some(rate) => {
                let known_stretch = known_stretch.filter(|stretch| stretch.last.is_some());
                let rounds = (args.rounds(), args.seed);
                let planned = AtRate::plan(reading, rate, rounds, known_stretch, &mut filter, &mut progress)?;
                progress.finish();
                progress = Progress::new(begin.to == "-");
                let stream = planned.map_or(Stream::None, |plan| Stream::AtRate(Box::new(plan)));
                // Without a pace for its own sake, what is written with its times needs no waiting.
                (stream, Pace::new(if begin.choice == Choice::Everything { None } else { Some(1.0) }))
            }
        };
        let mut player = Self {
            stream,
            filter,
            pace,
            progress,
            stop,
            sent_before: state.as_ref().map(|file| file.state.marks.clone()).unwrap_or_default(),
            records_before: state.as_ref().map_or(0, |file| file.state.sent),
            state,
            counts,
            rounds: args.rounds(),
            first_round: all_before.map_or(0, |mark| mark.round),
            played_bytes: 0,
            began,
        };
        player.check_plan(is_resumed)?;
        if is_resumed {
            player.tell_resumed(all_before);
        }
        Ok(player)
    }

    /// Sessions that begin at a rate are played by a plan of everything: it must be the same as before.
    fn check_plan(&mut self, is_resumed: bool) -> Result<(), CliError> {
        let (Stream::AtRate(stream), Some(file)) = (&self.stream, &mut self.state) else { return Ok(()) };
        if let Some(before) = file.state.planned.filter(|before| is_resumed && *before != stream.planned()) {
            return Err(CliError::Other(format!(
                "--resume: the sources have changed: the replay was begun with {} of {}, and there are {} of {} now; name another file to \
                 begin anew",
                counted(before.records, "record"),
                counted(before.sessions, "session"),
                counted(stream.planned().records, "record"),
                counted(stream.planned().sessions, "session"),
            )));
        }
        file.state.planned = Some(stream.planned());
        file.state.stretch = stream.stretch();
        file.save()
    }

    fn tell_resumed(&self, all_before: Option<Mark>) {
        match all_before {
            Some(mark) => warn(&format!(
                "going on behind {}, received at {}{}",
                counted(self.records_before, "record"),
                exact(mark.due_us),
                if self.rounds > 1 { format!(" on the clock of round {}", mark.round + 1) } else { String::new() },
            )),
            None => warn("going on: nothing was confirmed before"),
        }
    }

    /// The next record; `None` at the end, and once the replay is interrupted.
    ///
    /// # Errors
    /// A source can't be read.
    pub fn next(&mut self) -> Result<Option<Item>, CliError> {
        if self.is_stopping() {
            return Ok(None);
        }
        let found: Option<(Mark, Held)> = match &mut self.stream {
            Stream::InOrder(stream) => stream.next(&mut self.filter)?,
            Stream::AtRate(stream) => stream.next(&mut self.filter)?,
            Stream::None => None,
        };
        let Some((mark, held)) = found else { return Ok(None) };
        self.played_bytes += held.bytes() as u64;
        let (stream, counts, played) = (&self.stream, &self.counts, self.played_bytes);
        let rounds = (self.first_round, self.rounds);
        self.progress.passed(|| how_far(stream, counts, played, rounds));
        Ok(Some(Item { mark, due: None, held }))
    }

    /// Whether an earlier run has sent a record over this connection. It is counted as such.
    pub fn was_sent(&mut self, item: &Item, connection: usize) -> bool {
        let mark = self.sent_before.get(connection).copied().flatten();
        let was_sent = mark.is_some_and(|mark| item.mark <= mark);
        if was_sent {
            self.filter.was_sent(&item.held.head);
        }
        was_sent
    }

    /// Sets when a record is due. Returns whether that is now.
    pub fn set_due(&mut self, item: &mut Item) -> bool {
        item.due = self.pace.due(item.mark.due_us);
        item.due.is_none_or(|due| due <= Instant::now())
    }

    /// Waits until a record is due. `false`: the replay was interrupted, or `meanwhile`, which is called now and then, says so.
    ///
    /// # Errors
    /// Those of `meanwhile`.
    pub fn wait(
        &mut self,
        item: &Item,
        mut meanwhile: impl FnMut(&mut Self) -> Result<bool, CliError>,
    ) -> Result<bool, CliError> {
        loop {
            if self.is_stopping() || !meanwhile(self)? {
                return Ok(false);
            }
            let left = item.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(true);
            }
            thread::sleep(left.min(NOTICE_AFTER));
        }
    }

    /// Whether the replay was interrupted.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the state should be written now.
    pub fn is_save_due(&self) -> bool {
        self.state.as_ref().is_some_and(StateFile::is_due)
    }

    /// Writes the state if it is time to.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save_if_due(&mut self, marks: &[Option<Mark>], sent: u64) -> Result<(), CliError> {
        if self.is_save_due() { self.save(marks, sent, None) } else { Ok(()) }
    }

    /// Where the new log ended when the state was last written.
    pub fn log_end(&self) -> Option<CopyEnd> {
        self.state.as_ref().and_then(|file| file.state.log.clone())
    }

    /// Writes the state, if there is one: what was confirmed, by connection, and how many records that were in this run.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&mut self, marks: &[Option<Mark>], sent: u64, log: Option<CopyEnd>) -> Result<(), CliError> {
        let stretch = match &self.stream {
            Stream::InOrder(stream) => stream.stretch(),
            Stream::AtRate(stream) => stream.stretch(),
            Stream::None => Stretch::default(),
        };
        let Some(file) = &mut self.state else { return Ok(()) };
        file.state.stretch = stretch;
        for (known, mark) in file.state.marks.iter_mut().zip(marks) {
            *known = (*known).max(*mark);
        }
        file.state.sent = self.records_before + sent;
        file.state.log = log.or_else(|| file.state.log.take());
        file.save()
    }

    /// A record that was wanted turned out to make no message.
    pub fn gives_nothing(&mut self, item: &Item) {
        self.filter.gives_nothing(&item.held.head);
    }

    /// Ends reading, and reports on stderr what was found. Prints the summary, unless the destination is stdout.
    ///
    /// # Errors
    /// `read`, or the replay ended early.
    pub fn finish(
        mut self,
        args: &ReplayArgs,
        outcome: &mut Outcome,
        read: Result<(), CliError>,
        print: bool,
    ) -> Result<ExitCode, CliError> {
        self.progress.finish();
        let ended = match &mut self.stream {
            Stream::InOrder(stream) => stream.end(),
            Stream::AtRate(_) | Stream::None => Ok(()),
        };
        let read = read.and(ended);
        let (findings, doubles) = match &self.stream {
            Stream::InOrder(stream) => stream.findings(),
            Stream::AtRate(stream) => stream.findings(),
            Stream::None => (&[][..], 0),
        };
        findings.iter().for_each(Findings::remark);
        if self.is_stopping() && outcome.failure.is_none() {
            let how = match &args.resume {
                Some(path) => format!("; the same command goes on, with --resume {}", path.display()),
                None => String::new(),
            };
            outcome.failure = Some(format!("interrupted{how}"));
        }
        let mut summary = self.filter.summary();
        summary.found(Found::of(findings, doubles, self.counts.not_chosen()));
        summary.sent(outcome);
        summary.took(self.began.elapsed());
        let finished = summary.finish(args.json, outcome, print);
        read.and(finished)
    }
}

/// Bytes played so far, and all bytes.
fn how_far(stream: &Stream, counts: &ReadCounts, played: u64, (first, rounds): (u32, u32)) -> (u64, u64) {
    match stream {
        Stream::InOrder(stream) => {
            let (passed, all) = counts.bytes();
            let begun = u64::from(stream.round() - first.min(stream.round()) + 1);
            (passed, all / begun * u64::from(rounds - first.min(rounds - 1)))
        }
        Stream::AtRate(stream) => (played, stream.bytes()),
        Stream::None => (0, 0),
    }
}

fn asked(args: &ReplayArgs, data: &Path, begin: &Begin<'_>) -> Asked {
    let named: Vec<&Path> =
        if args.sources.is_empty() { vec![data] } else { args.sources.iter().map(AsRef::as_ref).collect() };
    let rate: Option<Rate> = args.rate();
    Asked {
        to: begin.to.to_owned(),
        sources: named.iter().map(|path| path.display().to_string()).collect(),
        source: format!("{:?}", args.source).to_lowercase(),
        projects: args.project.into_iter().collect(),
        sessions: args.session.clone(),
        users: args.user.clone(),
        with_repeats: args.with_repeats,
        unusable: args.unusable,
        unproven: args.unproven,
        rounds: args.rounds(),
        seed: args.seed,
        sessions_per_second: rate.map(|rate| rate.sessions_per_second),
        speed: rate.map(|rate| rate.speed),
        connections: begin.connections,
    }
}
