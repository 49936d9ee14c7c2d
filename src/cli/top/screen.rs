//! The terminal: a thread asks the server every second, and each answer, key and change of size is a new frame.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::cli::error::CliError;

use super::draw::draw;
use super::sample::Sample;
use super::view::Recent;

/// How often the server is asked.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// How soon a key or an answer is noticed.
const TURN: Duration = Duration::from_millis(100);

/// Shows frames until somebody ends it.
pub fn show(addr: SocketAddr, first: Sample) -> Result<(), CliError> {
    let mut terminal = ratatui::try_init().map_err(CliError::Output)?;
    // Answers that nobody has drawn yet do not pile up.
    let (answers, asked) = sync_channel(1);
    let (ended, end) = channel();
    let asking = thread::Builder::new().name("top-ask".to_owned()).spawn(move || ask(addr, &answers, &end));
    let shown = match asking {
        Ok(_) => turns(&mut terminal, addr, first, &asked).map_err(CliError::Output),
        Err(error) => Err(CliError::Other(format!("a thread could not be started: {error}"))),
    };
    // The thread may be in the middle of a question, which nobody waits for.
    drop::<Sender<()>>(ended);
    ratatui::restore();
    shown
}

fn ask(addr: SocketAddr, answers: &SyncSender<Option<Sample>>, end: &Receiver<()>) {
    loop {
        let began = Instant::now();
        if answers.send(Sample::ask(addr).ok()).is_err() {
            return;
        }
        let left = INTERVAL.saturating_sub(began.elapsed());
        if end.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn turns(
    terminal: &mut DefaultTerminal,
    addr: SocketAddr,
    first: Sample,
    answers: &Receiver<Option<Sample>>,
) -> io::Result<()> {
    let mut recent = Recent::default();
    let mut heard = first.at;
    recent.add(first);
    loop {
        let mut view = recent.view(addr);
        let silent = heard.elapsed();
        view.silent_seconds = (silent > 3 * INTERVAL).then_some(silent.as_secs());
        terminal.draw(|frame| draw(&view, frame))?;
        let drawn = Instant::now();
        loop {
            if event::poll(TURN)? {
                match event::read()? {
                    Event::Key(key) if is_end(key) => return Ok(()),
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
            if let Ok(answer) = answers.try_recv() {
                if let Some(sample) = answer {
                    heard = sample.at;
                    recent.add(sample);
                }
                break;
            }
            if drawn.elapsed() >= INTERVAL {
                break;
            }
        }
    }
}

fn is_end(key: KeyEvent) -> bool {
    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}
