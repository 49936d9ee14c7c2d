use std::fs;
use std::path::Path;

use super::*;

fn batches(profile: &Profile) -> impl Iterator<Item = &Batch> {
    profile.steps.iter().flat_map(|step| match &step.what {
        What::Send(batches) | What::Hide(batches) | What::Leave(batches) => &batches[..],
        What::Start | What::Tags | What::Flags => &[],
    })
}

#[test]
fn every_tracker_has_a_visit_in_order_that_begins_with_a_start_and_ends_by_leaving() {
    for tracker in Tracker::ALL {
        let profile = Profile::of(tracker, 0);
        assert!(matches!(profile.steps.first().unwrap().what, What::Start));
        let last = profile.steps.last().unwrap();
        assert!(matches!(last.what, What::Leave(_)) && last.at < profile.lasts);
        assert!(profile.steps.is_sorted_by_key(|step| step.at));
        assert_eq!(profile.start["trackerVersion"], tracker.version());
        assert!(profile.user_agent.contains("Chrome/"));
        for key in ["projectKey", "token", "userID", "timestamp"] {
            assert!(!profile.start.contains_key(key), "{key} is the visitor's own");
        }
    }
}

#[test]
fn the_visits_are_as_large_as_their_captures() {
    let counts = Tracker::ALL.map(|tracker| {
        let profile = Profile::of(tracker, 0);
        (batches(&profile).filter(|batch| batch.body.is_some()).count(), batches(&profile).count())
    });
    for (tracker, (bodies, all)) in Tracker::ALL.into_iter().zip(counts) {
        let capture = format!("tests/fixtures/captures/{}-journey.jsonl", tracker.version());
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(capture)).unwrap();
        let posts = text.lines().filter(|line| {
            line.contains(r#""method":"POST","target":"/v1/web/i"#)
                || line.contains(r#""method": "POST", "target": "/v1/web/i?"#)
                || line.contains(r#""method": "POST", "target": "/v1/web/i""#)
        });
        let posts = posts.filter(|line| !line.contains("/v1/web/images")).count();
        assert_eq!(bodies, posts, "{capture_name}", capture_name = tracker.version());
        assert!(all >= bodies);
    }
}

#[test]
fn a_visit_counts_its_requests_with_and_without_preflights() {
    for tracker in Tracker::ALL {
        let profile = Profile::of(tracker, 0);
        let (with, without) = (profile.requests(true), profile.requests(false));
        assert!(without >= 15 && with > without && with <= 2 * without + 8, "{tracker:?}: {with}, {without}");
    }
}
