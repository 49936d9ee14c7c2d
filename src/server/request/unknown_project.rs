//! Waiting for a project that the directory does not have and may learn of.

use std::time::Duration;

use crate::api::refusal::{Reason, Refusal};
use crate::directory::{Ask, Question};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;

/// How soon a waiting request checks again, at first and at most.
const POLL_FIRST: Duration = Duration::from_millis(2);
const POLL_MAX: Duration = Duration::from_millis(40);

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookedUp {
    /// The directory has the project now.
    Known,
    /// There is no such project.
    Absent,
    /// The database could not be asked within the request's patience.
    Unanswered,
}

/// Waits until the project is known or certainly absent, within the request's patience. Only a directory that comes from Postgres can learn.
pub async fn look_up(core: &Core, conn: &Conn, question: &Question) -> LookedUp {
    let Some((questions, _)) = core.common.directory.database() else { return LookedUp::Absent };
    let mut poll = POLL_FIRST;
    conn.begin_hold(core.now_ms());
    let may_wait = || !conn.is_abandoned() && conn.held_ms(core.now_ms()) < core.patience_ms();
    let looked_up = loop {
        let answered = questions.answered();
        let ask = questions.ask(question.clone());
        // After the answer: what was learnt before it is in the directory.
        match (question.is_known(&core.directory()), ask) {
            (true, _) => break LookedUp::Known,
            (false, Ask::Absent) => break LookedUp::Absent,
            (false, Ask::Full) => break LookedUp::Unanswered,
            (false, Ask::Waiting) => {}
        }
        while questions.answered() == answered && may_wait() {
            monoio::time::sleep(poll).await;
            poll = (poll * 2).min(POLL_MAX);
        }
        if !may_wait() {
            break LookedUp::Unanswered;
        }
    };
    conn.end_hold(core.now_ms());
    looked_up
}

/// The refusal of a request whose project could not be looked up.
pub fn unanswered() -> Refusal {
    Refusal::new(503, Reason::ProjectsUnread, "the project could not be looked up, try again")
}
