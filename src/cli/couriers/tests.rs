use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use crate::admin::{CourierReport, LagReport};

use super::super::output::Out;
use super::source::{Line, Seen};
use super::table;

fn ready(name: &str) -> Line {
    let report = CourierReport {
        name: name.to_owned(),
        target: "redis://127.0.0.1:6379".to_owned(),
        state: "ready".to_owned(),
        trouble: None,
        code: None,
        error: None,
        advice: None,
        behind: None,
        since: None,
        seconds: None,
        attempts: None,
        lag: Some(LagReport { records: 0, bytes: 0, seconds: 0.0 }),
        records: 1000,
        items: 1000,
        bytes: 1000,
        attempts_failed: 0,
        dead_letters: 0,
        dead_letters_in_file: Some(0),
        deleted_unread: 0,
    };
    Line { time_ms: 0, report, rate: None }
}

fn waiting(name: &str) -> Line {
    let mut line = ready(name);
    line.report = CourierReport {
        state: "waiting".to_owned(),
        trouble: Some("unreachable".to_owned()),
        code: Some("ConnectionRefused".to_owned()),
        error: Some("refused\u{1b}[31m".to_owned()),
        advice: Some("check that it runs".to_owned()),
        since: Some("2026-11-29T07:03:12Z".to_owned()),
        seconds: Some(65.0),
        attempts: Some(12),
        lag: Some(LagReport { records: 12_034, bytes: 3_565_158, seconds: 66.2 }),
        dead_letters_in_file: Some(2),
        ..line.report
    };
    line
}

#[derive(Clone, Default)]
struct Shown(Rc<RefCell<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shown(lines: &[Line], with_rate: bool) -> String {
    let shown = Shown::default();
    let mut out = Out::new(Box::new(shown.clone()), false);
    table::print(lines, with_rate, &mut out).unwrap();
    out.finish().unwrap();
    let bytes = shown.0.borrow().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_table_says_who_waits_and_below_it_for_what_and_what_to_do() {
    let text = shown(&[ready("courier-postgres"), waiting("courier-redis")], false);
    let expected = "\
COURIER           STATE    SINCE                 RECORDS    BYTES  OLDEST  DEAD LETTERS  TARGET
courier-postgres  ready    -                           0      0 B       -             0  redis://127.0.0.1:6379
courier-redis     waiting  2026-11-29 07:03:12Z   12,034  3.4 MiB   1m06s             2  redis://127.0.0.1:6379

courier-redis: redis://127.0.0.1:6379 cannot be reached (ConnectionRefused): refused\\u{1b}[31m
  for 1m05s, 12 attempts failed; it is tried again by itself, until it works
  12,034 records (3.4 MiB) wait in the log, nothing is lost; clients get their answers as ever
  to do: check that it runs

courier-redis: 2 records were refused for good and kept; look with: takeup dead-letters list courier-redis
";
    assert_eq!(text, expected);
}

#[test]
fn rates_are_shown_while_watching_and_never_across_a_restart() {
    let before = Seen::of(&[ready("courier-redis")]);
    let mut line = ready("courier-redis");
    line.report.records = 999;
    assert_eq!(before.rate(&line.report), None);
    line.report.records = 2000;
    line.rate = before.rate(&line.report);
    assert!(line.rate.unwrap() > 0.0);
    let text = shown(&[line], true);
    assert!(text.contains("RATE") && text.contains("/s"), "{text}");
}

#[test]
fn without_couriers_it_says_what_that_means() {
    assert!(shown(&[], false).contains("no destination is configured"));
}

#[test]
fn a_line_for_logs_says_it_all() {
    let expected = "courier-redis  waiting  cannot be reached (ConnectionRefused): refused\\u{1b}[31m  for 1m05s  \
                    behind 12,034 records 3.4 MiB 1m06s";
    assert_eq!(table::one_line(&waiting("courier-redis")), expected);
}

#[test]
fn who_is_held_up_by_another_says_by_whom() {
    let mut queue = ready("courier-redis");
    queue.report.lag = Some(LagReport { records: 328, bytes: 2_200_000, seconds: 6.9 });
    queue.report.behind = Some("courier-postgres".to_owned());
    let text = shown(&[waiting("courier-postgres"), queue.clone()], false);
    let expected = "
courier-redis: held up by courier-postgres, since no session's records go before its row
  328 records (2.1 MiB) wait in the log, nothing is lost; clients get their answers as ever
  to do: see courier-postgres
";
    assert!(text.contains(expected), "{text}");
    let expected = "courier-redis  ready  held up by courier-postgres  behind 328 records 2.1 MiB 6.9 s";
    assert_eq!(table::one_line(&queue), expected);
}
