//! Rows and a queue together: the queue never passes the rows, whatever happens to either.

use crate::common::services::{Postgres, Redis, Schema};
use crate::common::{Home, PATIENCE, Request, wait_for};

use super::rows::support::{WEB, rows_in, start, start_some};

#[test]
fn a_queue_stays_behind_the_rows_from_the_first_start_on_and_when_the_rows_begin_anew() {
    let (postgres, redis, home) = (Postgres::new(Schema::Main), Redis::durable(), Home::new());
    let (postgres_url, redis_url) = (postgres.url(), redis.url());
    let settings = [("postgres_string", &*postgres_url), ("redis_string", &*redis_url)];
    let starts = |count: usize| format!("{count} starts to be in Redis");
    let in_redis = || redis.entries("raw").len();

    // Postgres has shown its projects once, and is not there any more.
    let server = home.serve(&settings);
    start(&server, &Request::start(WEB));
    wait_for(&starts(1), PATIENCE, || (in_redis() == 1).then_some(()));
    server.stop();
    postgres.stop();
    let server = home.serve(&settings);
    start_some(&server, 5);
    server.wait_for_line(&["a destination takes no records", "courier-postgres"], PATIENCE);
    assert_eq!(in_redis(), 1);
    postgres.start();
    wait_for(&starts(6), PATIENCE, || (in_redis() == 6).then_some(()));
    assert_eq!(rows_in(&postgres, "sessions"), 6);

    // The cursor of the rows is removed while they are written.
    let removed = home.takeup(&["consumers", "remove", "courier-postgres"]);
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    server.wait_for_line(&["a courier ended", "courier-postgres"], PATIENCE);
    start_some(&server, 5);
    server.stop();
    assert_eq!(in_redis(), 6);

    // The next start writes all rows anew, which changes nothing, and the queue goes on where it was.
    let server = home.serve(&settings);
    wait_for(&starts(11), PATIENCE, || (in_redis() == 11).then_some(()));
    assert_eq!(rows_in(&postgres, "sessions"), 11);
    server.stop();

    // A cursor that can't be believed is told, and its queue waits.
    std::fs::write(home.data().join("cursors/courier-postgres.json"), "{").expect("the cursor can be damaged");
    let server = home.serve(&settings);
    start(&server, &Request::start(WEB));
    let page = wait_for("the courier to say so", PATIENCE, || {
        let page = server.admin_page("/couriers").json();
        (page[0]["trouble"] == "doubtful-cursor").then_some(page)
    });
    assert_eq!(page[0]["state"], "waiting", "{page}");
    assert_eq!(in_redis(), 11);
    let removed = home.takeup(&["consumers", "remove", "courier-postgres"]);
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    wait_for(&starts(12), PATIENCE, || (in_redis() == 12).then_some(()));
    assert_eq!(rows_in(&postgres, "sessions"), 12);
    server.stop();
}
