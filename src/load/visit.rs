//! One visit: what becomes due when.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::profile::{Batch, What};
use super::tracker::{Place, Tracker};
use super::world::World;

/// Who visits, and when.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The visitor's place among all users.
    pub place: u32,
    /// Which visit it is on this place.
    pub visit: u64,
    /// When it begins.
    pub began: Instant,
    /// Where in the recorded visit it begins: what was before is left out, but for the start of its page.
    pub from: Duration,
}

/// Plays a visit to its end, or to the end of the run.
pub async fn play(world: Rc<World>, visitor: Visitor) {
    world.tally.borrow_mut().counts.visits += 1;
    let user = format!("load-{}-{}-{}", world.run, visitor.place, visitor.visit);
    let tracker = Tracker::new(&world, visitor.place, user);
    let profile = std::sync::Arc::clone(&world.profile);
    let page = profile.steps.iter().rposition(|step| matches!(step.what, What::Start) && step.at <= visitor.from);
    let first = page.unwrap_or(0);
    for (index, step) in profile.steps.iter().enumerate().skip(first) {
        let joins = index == first;
        if step.at < visitor.from && !joins {
            continue;
        }
        let after = if joins { Duration::ZERO } else { step.at - visitor.from };
        let due = visitor.began + world.played(after);
        if !world.wait_until(due).await {
            return;
        }
        match &step.what {
            What::Start => tracker.start(due).await,
            What::Tags if tracker.is_recording() => tracker.ask_for_tags(due).await,
            What::Flags if tracker.is_recording() => tracker.ask_for_flags(due).await,
            What::Tags | What::Flags => {}
            What::Send(batches) | What::Hide(batches) | What::Leave(batches) if !tracker.is_recording() => {
                let bodies = batches.iter().filter(|batch| batch.body.is_some()).count();
                world.tally.borrow_mut().counts.batches_not_recorded += bodies as u64;
            }
            What::Send(batches) => tracker.send(&places(index, batches), due).await,
            What::Hide(batches) => tracker.send_together(&places(index, batches), due).await,
            What::Leave(batches) => tracker.leave(&places(index, batches), due),
        }
    }
}

fn places(step: usize, batches: &[Batch]) -> Vec<Place> {
    (0..batches.len()).map(|batch| Place { step, batch }).collect()
}
