//! Each kind of row, in the tables of both releases.

use serde_json::json;

use crate::common::services::{Postgres, Schema};
use crate::common::{BROWSER, Home, PATIENCE, Request, wait_for};

use super::support::*;

#[test]
fn rows_of_every_kind_arrive_in_the_tables_of_both_releases() {
    for schema in [Schema::Main, Schema::Seed, Schema::SeedWithUnstarted] {
        let (postgres, home) = (Postgres::new(schema), Home::new());
        if schema == Schema::Main {
            // Tests whose signals have no table: others are not known to the server, which then takes no signals.
            let table = "CREATE TABLE ut_tests AS SELECT 1 AS test_id, 1 AS project_id, 'Buy a thing' AS title";
            postgres.sql(&format!("{table}; GRANT SELECT ON ut_tests TO openreplay"));
        }
        let server = serve(&home, &postgres.url());
        let web = Request::start(WEB).field("userID", "a user").field("revID", "r1").field("timezone", "UTC+02:00");
        let web = web.field("deviceMemory", 8192).field("jsHeapSizeLimit", 4_294_705_152_u64).field("width", 1920);
        let session = start(&server, &web);
        let phone = json!({
            "projectKey": "iosFullRate000000003", "trackerVersion": "1.0.10", "timestamp": 1_700_000_000_000_u64,
            "userDevice": "iPhone14,5", "userOSVersion": "17.1", "deviceMemory": 5_926_912, "width": 390, "height": 844,
        });
        start(&server, &Request::post("/v1/mobile/start").header("User-Agent", "ORTracker/1").json(&phone));
        let sdk = json!({
            "projectKey": WEB, "sdk_version": "0.1", "platform": "web", "utm_source": "news", "utm_campaign": "spring",
            "initial_referrer": "https://example.com/",
        });
        let answer = server.connect().exchange(Request::post("/v1/sdk/start").json(&sdk));
        assert_eq!(answer.status, 200, "{}", answer.text());

        let token = server.start_session(WEB);
        for signal in ["begin", "begin", "done"] {
            let body = json!({ "testID": 1, "status": signal, "timestamp": 5, "duration": 7 });
            let answer = server.connect().exchange(Request::post("/v1/web/uxt/signals/test").token(&token).json(&body));
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let body = json!({ "projectKey": WEB, "trackerVersion": "3.5.0", "doNotTrack": true });
        for _ in 0..2 {
            let not_started = Request::post("/v1/web/not-started").header("User-Agent", BROWSER).json(&body);
            assert_eq!(server.connect().exchange(not_started).status, 200);
        }

        assert_all_there(&home, &postgres);
        assert_eq!(sessions(&postgres)[&session]["user_id"], "a user");
        match schema {
            Schema::Main => {
                let logged = server.wait_for_line(&["what the database lacks"], PATIENCE);
                assert!(logged.contains("ut_tests_signals") && logged.contains("unstarted_sessions"), "{logged}");
                let utm = postgres
                    .sql("SELECT utm_source, utm_campaign, referrer FROM sessions WHERE utm_source IS NOT NULL");
                assert_eq!(utm, "news|spring|https://example.com/");
            }
            _ => {
                // Of two that are the same, in each column, one is a repeat.
                wait_for("signals", PATIENCE, || (rows_in(&postgres, "ut_tests_signals") == 2).then_some(()));
                let signals = postgres.sql("SELECT test_id, task_id, status, comment, timestamp, duration FROM ut_tests_signals ORDER BY signal_id");
                assert_eq!(signals, "1||begin||5|7\n1||done||5|7");
            }
        }
        if schema == Schema::SeedWithUnstarted {
            wait_for_rows(&postgres, "unstarted_sessions", 2);
            let row = postgres.sql("SELECT DISTINCT project_id, tracker_version, do_not_track, platform, user_browser, user_country FROM unstarted_sessions");
            assert_eq!(row, "1|3.5.0|t|web|Chrome|UN");
        }
        server.stop();
    }
}

#[test]
fn rows_of_the_same_start_twice_are_one_row_also_in_a_table_without_a_unique_key() {
    for alter in ["", "ALTER TABLE sessions DROP CONSTRAINT sessions_pkey"] {
        let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
        postgres.sql(alter);
        let server = serve(&home, &postgres.url());
        start_some(&server, 3);
        assert_all_there(&home, &postgres);
        server.stop();
        // The courier begins again with the oldest record.
        let removed = home.takeup(&["consumers", "remove", "courier-postgres"]);
        assert_eq!(removed.code, Some(0), "{}", removed.stderr);
        let server = serve(&home, &postgres.url());
        start(&server, &Request::start(WEB));
        assert_all_there(&home, &postgres);
        server.stop();
    }
}
