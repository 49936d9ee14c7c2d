use serde_json::json;

use crate::export::rrweb::event::Data;

use super::*;

fn event(at_ms: i64) -> Event {
    Event::new(at_ms, Data::Custom { tag: "a", payload: json!({}) })
}

/// The times of those that are of the part, of a session with an event at each of these.
fn taken(part: &mut Part, times_ms: &[i64]) -> Vec<i64> {
    let mut taken = Vec::new();
    for at_ms in times_ms {
        if part.reach(*at_ms) {
            let mut event = event(*at_ms);
            taken.extend(part.take(&mut event).then_some(event.timestamp));
        }
    }
    taken
}

#[test]
fn a_part_begins_so_long_after_the_first_event_or_before_the_end() {
    const TIMES: [i64; 4] = [1000, 2000, 3000, 4000];
    for (from_ms, expected) in
        [(0, &TIMES[..]), (1, &TIMES[1..]), (2000, &TIMES[2..]), (9000, &[]), (-1000, &TIMES[2..])]
    {
        let mut part = Part::new(from_ms);
        part.ends(Some(4000));
        assert_eq!(taken(&mut part, &TIMES), expected, "{from_ms}");
    }
}

#[test]
fn a_moment_is_the_same_one_however_much_is_sent_of_what_is_before_it() {
    const YEAR_MS: i64 = 365 * 24 * 3_600_000;
    let times_ms = [1000, 2000, 40 * YEAR_MS, 40 * YEAR_MS + 500, 90 * YEAR_MS, 90 * YEAR_MS + 700];
    let all = taken(&mut Part::new(0), &times_ms);
    assert_eq!(all, [1000, 2000, 2000, 2500, 2500, 3200]);
    for from_ms in [900, 1100, 1900, 2200] {
        let expected: Vec<i64> = all.iter().copied().filter(|at_ms| *at_ms >= 1000 + from_ms).collect();
        assert_eq!(taken(&mut Part::new(from_ms), &times_ms), expected, "{from_ms}");
    }
}

#[test]
fn the_length_is_told_when_it_is_known_and_again_when_it_grew() {
    let mut part = Part::new(5000);
    assert_eq!(part.span(), None);
    assert_eq!(taken(&mut part, &[1000, 1500]).len(), 0);
    part.ends(Some(9000));
    let span = part.span().unwrap();
    assert_eq!((&span["data"]["payload"]["from"], &span["data"]["payload"]["to"]), (&json!(1000), &json!(9000)));
    assert_eq!(part.span(), None);
    assert_eq!(taken(&mut part, &[9500]), [9500]);
    assert_eq!(part.span().unwrap()["data"]["payload"]["to"], 9500);
}
