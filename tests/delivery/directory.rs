//! Projects that come from Postgres: what requests are answered while it works, fails, lags, or is attacked by way of us.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::services::{PgBouncer, Postgres, Schema};
use crate::common::{Home, PATIENCE, Request, Server, wait_for};

const WEB: &str = "webFullRate000000001";
const INACTIVE: &str = "webInactive000000005";
const UNKNOWN: &str = "webUnknown0000000099";

/// A server whose projects come from there. It reads them often, holds requests for a second, and lets nothing go that is missing for less
/// than an hour.
fn serve(home: &Home, url: &str, settings: &[(&str, &str)]) -> Server {
    let usual = [("postgres_string", url), ("postgres_refresh", "200ms"), ("patience", "1s"), ("removal_grace", "1h")];
    let settings: Vec<(&str, &str)> = usual
        .into_iter()
        .filter(|(name, _)| settings.iter().all(|(other, _)| other != name))
        .chain(settings.iter().copied())
        .collect();
    home.serve(&settings)
}

fn start(server: &Server, key: &str) -> u16 {
    server.connect().exchange(Request::start(key)).status
}

#[track_caller]
fn wait_for_status(server: &Server, key: &str, status: u16) {
    wait_for(&format!("{status} for {key}"), PATIENCE, || (start(server, key) == status).then_some(()));
}

fn get(server: &Server, path: &str, token: &str) -> Value {
    let answer = server.connect().exchange(Request::get(path).token(token));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// The check of projects on the page of health.
fn health(server: &Server) -> Value {
    server.admin_page("/health").json()["checks"]["projects"][0].clone()
}

/// Waits until health tells this of the projects.
#[track_caller]
fn wait_for_trouble(server: &Server, code: &str) {
    wait_for(&format!("health to tell {code}"), PATIENCE, || {
        let check = health(server);
        let told = check["output"].as_str().is_some_and(|text| text.starts_with(&format!("{code} for ")));
        (told && check["status"] == "warn").then_some(())
    });
    assert_eq!(server.admin_page("/health/ready").status, 200, "the server can do without for now");
}

#[track_caller]
fn wait_until_well(server: &Server) {
    wait_for("health to be well", PATIENCE, || (health(server)["status"] == "pass").then_some(()));
}

/// What is served throughout an outage, and what is not called absent.
#[track_caller]
fn serves_as_before(server: &Server) {
    // Never asked for before, so that no miss is remembered.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let unknown = format!("unknown-{}", ASKED.fetch_add(1, Ordering::Relaxed));
    assert_eq!(start(server, WEB), 200, "{}", server.said());
    assert_eq!(start(server, &unknown), 503, "a fault of Postgres is no unknown project: {}", server.said());
}

/// The server has read the projects, and keeps them.
#[track_caller]
fn wait_until_read(home: &Home, server: &Server) {
    wait_for_status(server, WEB, 200);
    wait_for("the copy to be kept", PATIENCE, || home.data().join("kept/postgres.toml").exists().then_some(()));
    wait_until_well(server);
}

#[test]
fn directory_of_either_release_answers_what_belongs_to_a_project() {
    for schema in [Schema::Seed, Schema::Main] {
        let (home, postgres) = (Home::new(), Postgres::new(schema));
        let server = serve(&home, &postgres.url(), &[]);
        let token = server.start_session(WEB);
        let tags = get(&server, "/v1/web/tags", &token)["tags"].clone();
        let selectors: Vec<&str> = tags.as_array().unwrap().iter().filter_map(|tag| tag["selector"].as_str()).collect();
        assert_eq!(selectors, ["#buy", "div > a[href=\"/x?a=1&b=2\"]"]);
        let location = if schema == Schema::Main { json!("https://example.com/<p>") } else { Value::Null };
        assert_eq!(tags[1]["location"], location);
        let conditions = get(&server, "/v1/web/conditions/1", &token)["conditions"].clone();
        assert_eq!((&conditions[0]["name"], &conditions[0]["captureRate"]), (&json!("checkout"), &json!(0)));
        assert_eq!(conditions[0]["filters"][0]["value"], json!(["/checkout"]));
        let flags = server.connect().exchange(
            Request::post("/v1/web/feature-flags").token(&token).json(&json!({ "projectID": "1", "country": "FR" })),
        );
        let keys: Vec<String> = flags.json()["flags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|flag| flag["key"].as_str().unwrap().to_owned())
            .collect();
        let test = server.connect().exchange(Request::get("/v1/web/uxt/test/1").token(&token));
        if schema == Schema::Seed {
            assert_eq!(keys, ["single-all", "single-fr", "multi"]);
            assert_eq!(test.json()["test"]["tasks"][1]["description"], "pay <it>", "{}", test.text());
        } else {
            assert!(keys.is_empty(), "{keys:?}");
            assert_eq!(test.status, 500);
        }
        assert_eq!(start(&server, INACTIVE), 404);
        assert_eq!(start(&server, "webZeroRate000000002"), 403, "not sampled");
        assert_eq!(start(&server, "webDeleted0000000009"), 200, "only `active` decides");
        assert_eq!(start(&server, "iosFullRate000000003"), 403, "another platform");
        assert_eq!(start(&server, UNKNOWN), 404);
        assert!(!home.data().join("projects.toml").exists(), "nobody would read it");
        server.stop();
    }
}

#[test]
fn directory_learns_of_a_project_at_once_and_of_a_missed_one_soon() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[("postgres_refresh", "1h"), ("patience", "20s")]);
    wait_until_read(&home, &server);
    assert_eq!(start(&server, UNKNOWN), 404);
    let insert = |key: &str| {
        postgres.sql(&format!("INSERT INTO projects (project_key, name, active) VALUES ('{key}', 'new', true)"));
    };
    insert("webNew00000000000012");
    assert_eq!(start(&server, "webNew00000000000012"), 200, "{}", server.said());
    insert(UNKNOWN);
    wait_for_status(&server, UNKNOWN, 200);
    // An old phone names its project by a number.
    insert("webNew00000000000014");
    postgres.sql("UPDATE projects SET platform = 'ios' WHERE project_key = 'webNew00000000000014'");
    let id = postgres.sql("SELECT project_id FROM projects WHERE project_key = 'webNew00000000000014'");
    let old =
        Request::post("/v1/ios/start").json(&json!({ "projectID": id, "trackerVersion": "1.0.0", "platform": "ios" }));
    let answer = server.connect().exchange(old.header("User-Agent", "x"));
    assert_ne!(answer.status, 404, "{}", answer.text());
    // A session of before the start, whose project is new to the directory.
    let token = server.start_session("webNew00000000000012");
    assert_eq!(get(&server, "/v1/web/tags", &token), json!({ "tags": [] }));
}

#[test]
fn directory_serves_through_outages_and_restarts_and_calls_nothing_absent() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[]);
    wait_until_read(&home, &server);

    postgres.stop();
    wait_for_trouble(&server, "unreachable");
    serves_as_before(&server);
    server.kill();
    let server = serve(&home, &postgres.url(), &[]);
    wait_for_trouble(&server, "unreachable");
    serves_as_before(&server);
    assert!(!server.said().contains("openreplay:openreplay"), "a password: {}", server.said());
    postgres.start();
    wait_until_well(&server);
    wait_for_status(&server, UNKNOWN, 404);
    server.wait_for_line(&["read from Postgres again"], PATIENCE);

    postgres.sql("REVOKE SELECT ON projects FROM openreplay");
    wait_for_trouble(&server, "no_right");
    serves_as_before(&server);
    postgres.sql("GRANT SELECT ON projects TO openreplay; REVOKE SELECT ON tags FROM openreplay");
    wait_for_trouble(&server, "no_right");
    postgres.sql("GRANT SELECT ON tags TO openreplay");
    wait_until_well(&server);

    postgres.sql("ALTER ROLE openreplay PASSWORD 'other'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'openreplay'");
    wait_for_trouble(&server, "login_refused");
    serves_as_before(&server);
    postgres.sql("ALTER ROLE openreplay PASSWORD 'openreplay'");
    wait_until_well(&server);

    postgres.sql("ALTER TABLE projects RENAME TO gone");
    wait_for_trouble(&server, "no_table");
    serves_as_before(&server);
    postgres.sql("ALTER TABLE gone RENAME TO projects");
    wait_until_well(&server);
    assert_eq!(start(&server, WEB), 200);
    server.stop();
}

#[test]
fn directory_waits_for_a_database_that_hangs_and_serves_meanwhile() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[]);
    wait_until_read(&home, &server);
    postgres.pause();
    serves_as_before(&server);
    wait_for_trouble(&server, "timed_out");
    serves_as_before(&server);
    postgres.resume();
    wait_until_well(&server);

    thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600) /* the lock */";
        scope.spawn(|| postgres.try_sql(lock).unwrap_err());
        wait_for_trouble(&server, "locked");
        serves_as_before(&server);
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'";
        postgres.sql(end);
    });
    wait_until_well(&server);
    wait_for_status(&server, UNKNOWN, 404);
}

#[test]
fn directory_of_a_first_start_without_postgres_asks_trackers_to_try_again() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    postgres.stop();
    let server = serve(&home, &postgres.url(), &[]);
    assert_eq!((start(&server, WEB), start(&server, UNKNOWN)), (503, 503));
    let ready = server.admin_page("/health/ready");
    assert!(ready.status == 503 && ready.text().contains("unreachable"), "{}", ready.text());
    postgres.start();
    wait_for_status(&server, WEB, 200);
    wait_for("it to be ready", PATIENCE, || (server.admin_page("/health/ready").status == 200).then_some(()));
}

#[test]
fn directory_takes_no_emptied_table_for_the_truth() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Seed));
    let server = serve(&home, &postgres.url(), &[("removal_grace", "0s")]);
    let token = server.start_session(WEB);
    wait_until_read(&home, &server);
    postgres.sql("CREATE TABLE aside AS SELECT * FROM projects; TRUNCATE projects CASCADE");
    wait_for_trouble(&server, "emptied");
    serves_as_before(&server);
    assert_eq!(get(&server, "/v1/web/tags", &token)["tags"].as_array().unwrap().len(), 2);
    server.kill();
    let server = serve(&home, &postgres.url(), &[("removal_grace", "0s")]);
    wait_for_trouble(&server, "emptied");
    serves_as_before(&server);
    postgres.sql("INSERT INTO projects SELECT * FROM aside");
    wait_until_well(&server);
    wait_for_status(&server, UNKNOWN, 404);
}

#[test]
fn directory_lets_a_deleted_project_go_only_when_that_is_certain() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[]);
    wait_until_read(&home, &server);
    let short = "webShortLife00000007";
    postgres.sql(&format!("DELETE FROM projects WHERE project_key = '{short}'"));
    server.wait_for_line(&["projects are missing", "\"7\""], PATIENCE);
    assert_eq!(start(&server, short), 200, "it may come back");
    server.kill();
    let server = serve(&home, &postgres.url(), &[]);
    wait_until_well(&server);
    assert_eq!(start(&server, short), 200, "a restart forgets nothing");
    server.stop();
    let server = serve(&home, &postgres.url(), &[("removal_grace", "500ms")]);
    server.wait_for_line(&["projects were removed", "\"7\""], PATIENCE);
    assert_eq!(start(&server, short), 404);
    assert_eq!(start(&server, WEB), 200);
}

#[test]
fn directory_takes_changes_over_whatever_the_columns_are() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[]);
    wait_until_read(&home, &server);
    postgres.sql("UPDATE projects SET active = false WHERE project_id = 1");
    wait_for_status(&server, WEB, 404);
    postgres.sql("UPDATE projects SET active = true, project_key = 'another' WHERE project_id = 1");
    wait_for_status(&server, "another", 200);
    wait_for_status(&server, WEB, 404);
    let token = server.start_session("another");
    postgres.sql("ALTER TABLE tags DROP COLUMN location; ALTER TABLE projects DROP COLUMN name; UPDATE tags SET selector = '#sell' WHERE tag_id = 1");
    wait_for("the tag to change", PATIENCE, || {
        (get(&server, "/v1/web/tags", &token)["tags"][0]["selector"] == "#sell").then_some(())
    });
    postgres.sql("ALTER TABLE tags ADD COLUMN location text; UPDATE tags SET location = '/there'");
    wait_for("the new column to be read", PATIENCE, || {
        (get(&server, "/v1/web/tags", &token)["tags"][0]["location"] == "/there").then_some(())
    });
    postgres.sql("UPDATE tags SET deleted_at = now() WHERE tag_id = 1");
    wait_for("the tag to go", PATIENCE, || {
        (get(&server, "/v1/web/tags", &token)["tags"].as_array().unwrap().len() == 1).then_some(())
    });
    wait_until_well(&server);
}

#[test]
fn directory_leaves_out_rows_that_cannot_be_used_and_names_them() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Seed));
    postgres.sql(
        "INSERT INTO feature_flags (feature_flag_id, project_id, flag_key, flag_type, is_active) VALUES \
             (70, 1, 'broken', 'single', true), (71, 1, 'single-all', 'single', true), (72, 1, 'bare', 'single', true); \
         INSERT INTO feature_flags_conditions (feature_flag_id, name, rollout_percentage, filters) VALUES (70, 'x', 100, '{\"a\": 1}'); \
         UPDATE tags SET name = E'a\"b\\\\c\\nd\\u0007', selector = E'#\"\\\\\\n\\u00e9\\u0085' WHERE tag_id = 1; \
         UPDATE projects SET max_session_duration = -5, beacon_size = -1 WHERE project_id = 1",
    );
    let server = serve(&home, &postgres.url(), &[]);
    let line =
        server.wait_for_line(&["rows in Postgres can't be used", "feature_flags 70", "feature_flags 71"], PATIENCE);
    assert!(!line.contains("feature_flags 72"), "a flag without conditions is one that nobody has: {line}");
    assert_eq!(start(&server, WEB), 200);
    wait_for("health to tell", PATIENCE, || {
        health(&server)["output"].as_str().filter(|text| text.starts_with("2 rows")).map(drop)
    });
    postgres.sql("UPDATE projects SET max_session_duration = 7200000 WHERE project_id = 1");
    let token = wait_for("a session that lasts", PATIENCE, || {
        let token = server.start_session(WEB);
        // A duration below 1 is read as one millisecond: a token that lives longer is of the corrected row.
        thread::sleep(Duration::from_millis(10));
        (server.connect().exchange(Request::get("/v1/web/tags").token(&token)).status == 200).then_some(token)
    });
    assert_eq!(get(&server, "/v1/web/tags", &token)["tags"][0]["selector"], "#\"\\\n\u{e9}\u{85}");
}

#[test]
fn directory_bounds_what_thousands_of_unknown_keys_cost() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let server = serve(&home, &postgres.url(), &[("postgres_refresh", "1h"), ("patience", "30s")]);
    wait_until_read(&home, &server);
    let statements = || -> u64 {
        let count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'openreplay'";
        postgres.sql(count).parse().unwrap()
    };
    let (before, began) = (statements(), Instant::now());
    thread::scope(|scope| {
        for client in 0..20 {
            let server = &server;
            scope.spawn(move || {
                let mut connection = server.connect();
                for number in 0..200 {
                    let answer = connection.exchange(Request::start(&format!("key-{client}-{number}")));
                    assert_eq!(answer.status, 404, "{}", answer.text());
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..50 {
                assert_eq!(start(&server, WEB), 200);
            }
        });
    });
    // At most ten look-ups a second; the statistics may be a little late, and the test has its own.
    let most = 10.0 * began.elapsed().as_secs_f64() + 100.0;
    let made = statements() - before;
    assert!((made as f64) < most, "{made} transactions for 4,000 keys in {:?}", began.elapsed());
    assert_eq!(server.metric("takeup_projects_readings_total"), 1.0, "none of them is worth a reading of everything");
}

#[test]
fn directory_of_a_replica_that_lags_loses_no_project() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let replica = postgres.replica();
    let (first, second) = (format!("127.0.0.1:{}", postgres.port()), format!("127.0.0.1:{}", replica.port()));
    let server = serve(&home, &postgres.url().replace(&first, &format!("{first},{second}")), &[]);
    wait_until_read(&home, &server);
    replica.sql("SELECT pg_wal_replay_pause()");
    wait_for("the replica to pause", PATIENCE, || {
        (replica.sql("SELECT pg_get_wal_replay_pause_state()") == "paused").then_some(())
    });
    postgres.sql("INSERT INTO projects (project_key, name, active) VALUES ('newest', 'new', true)");
    wait_for_status(&server, "newest", 200);
    postgres.stop();
    server.wait_for_line(&["projects are missing"], PATIENCE);
    assert_eq!((start(&server, "newest"), start(&server, WEB)), (200, 200), "{}", server.said());
}

#[test]
fn directory_is_read_through_a_pool_of_transactions() {
    let (home, postgres) = (Home::new(), Postgres::new(Schema::Main));
    let pool = PgBouncer::before(&postgres);
    let server = serve(&home, &pool.url(), &[("patience", "20s")]);
    wait_until_read(&home, &server);
    postgres.sql("INSERT INTO projects (project_key, name, active) VALUES ('newest', 'new', true)");
    assert_eq!(start(&server, "newest"), 200, "{}", server.said());
    assert_eq!(start(&server, UNKNOWN), 404);
    pool.stop();
    wait_for_trouble(&server, "unreachable");
    pool.start();
    wait_until_well(&server);
}

#[test]
fn directory_says_when_the_file_of_projects_is_not_used() {
    let home = Home::with_projects("[[projects]]\nproject_id = 1\nproject_key = \"of-the-file\"\n");
    let postgres = Postgres::new(Schema::Main);
    let server = serve(&home, &postgres.url(), &[]);
    server.wait_for_line(&["projects.toml is not used"], PATIENCE);
    wait_until_read(&home, &server);
    assert_eq!(start(&server, "of-the-file"), 404);
    server.stop();
    let broken = home.serve_in_vain(&["--set", "postgres_string=postgres://u:hush@h:x/d"]);
    assert!(broken.stderr.contains("postgres_string: `port` must be"), "{broken:?}");
    assert!(!format!("{broken:?}").contains("hush"), "{broken:?}");
}
