use super::*;

fn waiting() -> CourierReport {
    CourierReport {
        name: "courier-redis".to_owned(),
        target: "redis://127.0.0.1:6379".to_owned(),
        state: "waiting".to_owned(),
        trouble: Some("unreachable".to_owned()),
        code: Some("ConnectionRefused".to_owned()),
        error: Some("Connection refused (os error 111)".to_owned()),
        advice: Some(Trouble::Unreachable.advice().to_owned()),
        behind: None,
        since: rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        seconds: Some(312.4),
        attempts: Some(40),
        lag: Some(LagReport { records: 12_034, bytes: 3_565_158, seconds: 313.0 }),
        records: 0,
        items: 0,
        bytes: 0,
        attempts_failed: 40,
        dead_letters: 0,
        dead_letters_in_file: Some(0),
        deleted_unread: 0,
    }
}

#[test]
fn health_says_what_is_wrong_since_when_what_waits_and_that_nothing_is_lost() {
    let expected = "redis://127.0.0.1:6379 cannot be reached (ConnectionRefused) since 2023-11-14T22:13:20Z (5m12s); \
                    12,034 records (3.4 MiB) wait in the log, nothing is lost: Connection refused (os error 111)";
    assert_eq!(fault(&waiting()).unwrap(), expected);
    assert_eq!(fault(&CourierReport { state: "ready".to_owned(), trouble: None, error: None, ..waiting() }), None);
    assert_eq!(fault(&CourierReport { state: "starting".to_owned(), ..waiting() }), None);
}

#[test]
fn that_nothing_is_lost_is_within_what_health_shows_whatever_the_trouble() {
    for trouble in Trouble::ALL {
        let report = CourierReport {
            target: "redis+sentinel://".to_owned() + &"a-long-host-name.example:26379,".repeat(5),
            trouble: Some(trouble.as_str().to_owned()),
            seconds: Some(360_000.0),
            lag: Some(LagReport { records: 1_234_567, bytes: 9_876_543_210, seconds: 360_000.0 }),
            ..waiting()
        };
        let shown: String = fault(&report).unwrap().chars().take(200).collect();
        let said = ["2023-11-14T22:13:20Z", "1,234,567 records (9.2 GiB)"];
        assert!(said.iter().all(|said| shown.contains(said)), "{shown}");
        assert!(shown.contains("nothing is lost"), "{shown}");
    }
}

#[test]
fn an_address_is_shown_without_user_and_parameters_and_never_cut_so_that_it_is_another() {
    let postgres = "postgres://takeup@127.0.0.1:15432/postgres?sslmode=disable&application_name=http";
    let text = fault(&CourierReport { target: postgres.to_owned(), ..waiting() }).unwrap();
    assert!(text.starts_with("127.0.0.1:15432/postgres cannot be reached"), "{text}");
    let long = "postgres://openreplay@databases-openreplay.example.com:54321/postgres";
    let text = fault(&CourierReport { target: long.to_owned(), ..waiting() }).unwrap();
    assert!(text.starts_with("databases-openreplay.example.… cannot be reached"), "{text}");
}

#[test]
fn a_queue_that_may_not_go_before_the_rows_says_so_while_they_wait_and_has_something_to_deliver() {
    let ready = |name: &str, bytes: u64| CourierReport {
        name: name.to_owned(),
        state: "ready".to_owned(),
        lag: Some(LagReport { records: 1, bytes, seconds: 1.0 }),
        ..waiting()
    };
    let behind = |rows: CourierReport| {
        let mut reports = [rows, ready("courier-redis", 4096), ready("courier-kafka", 0), ready("courier-file", 4096)];
        note_who_is_behind(&mut reports, "courier-postgres", &["courier-redis", "courier-kafka"]);
        reports.map(|report| report.behind)
    };
    let rows = |state: &str| CourierReport { state: state.to_owned(), ..ready("courier-postgres", 4096) };
    let first = || Some("courier-postgres".to_owned());
    assert_eq!(behind(rows("waiting")), [None, first(), None, None]);
    assert_eq!(behind(rows("ended")), [None, first(), None, None]);
    assert_eq!(behind(rows("ready")), [None, None, None, None]);
}

#[test]
fn that_nothing_is_lost_is_not_said_when_something_was_deleted_unread() {
    let text = fault(&CourierReport { deleted_unread: 7, ..waiting() }).unwrap();
    assert!(!text.contains("nothing is lost") && text.contains("7 records deleted unread"), "{text}");
}

#[test]
fn a_courier_that_has_ended_is_a_fault() {
    let text = fault(&CourierReport { state: "ended".to_owned(), lag: None, ..waiting() }).unwrap();
    assert!(text.contains("restart the server; its records wait in the log"), "{text}");
}

#[test]
fn what_was_measured_long_ago_or_never_is_not_shown() {
    let measured = Measured::default();
    assert!(measured.of(0).lag.is_none());
    let figures = vec![Figures { lag: Some(Lag::default()), dead_letters: Some(1) }];
    *measured.latest() = Some(Measurement { at: Instant::now(), figures: figures.clone() });
    assert!(measured.of(0).lag.is_some() && measured.of(1).lag.is_none());
    *measured.latest() = Instant::now().checked_sub(STALE).map(|at| Measurement { at, figures });
    assert!(measured.of(0).lag.is_none());
}

#[test]
fn a_file_of_dead_letters_is_counted_anew_when_it_has_changed() {
    let data = tempfile::tempdir().unwrap();
    let (measured, letters) = (Measured::default(), DeadLetters::of(data.path(), &"courier-test".parse().unwrap()));
    assert_eq!(measured.count(&letters).unwrap(), 0);
    std::fs::create_dir_all(letters.path().parent().unwrap()).unwrap();
    for lines in 1..4 {
        std::fs::write(letters.path(), "x\n".repeat(lines)).unwrap();
        assert_eq!(measured.count(&letters).unwrap(), lines as u64);
    }
    std::fs::remove_file(letters.path()).unwrap();
    assert_eq!(measured.count(&letters).unwrap(), 0);
}
