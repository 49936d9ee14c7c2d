//! The recorded starts of both releases, with a database behind the server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::Home;
use crate::common::services::{Postgres, Schema};
use crate::golden::case::{Case, Release, World};
use crate::golden::run::Target;

use super::support::*;

/// Cases that are sent at the same time. Most of their time is waiting for a close that should not come.
const AT_ONCE: usize = 12;

#[test]
fn rows_of_all_recorded_starts_are_in_the_database_as_they_are_in_the_log() {
    let (world, cases) = (World::read(), Case::all());
    for (release, schema) in [(Release::Main, Schema::Main), (Release::Seed, Schema::Seed)] {
        let is_start = |case: &&Case| {
            let starts = case.line["request"]["path"].as_str().is_some_and(|path| path.ends_with("/start"));
            case.release == release && case.config.is_empty() && (starts || case.line["row"].is_object())
        };
        let starts: Vec<&Case> = cases.iter().filter(is_start).collect();
        assert!(starts.len() > 100, "{} cases", starts.len());

        let (postgres, home) = (Postgres::new(schema), Home::new());
        let mut environment = world.environment(release, &starts[0].config);
        environment.push(("POSTGRES_STRING".to_owned(), postgres.url()));
        let server = home.serve_recorded(&environment, world.key("web"));
        let target = Target { world: &world, address: server.addr, admin: server.admin };
        let (next, answered) = (AtomicUsize::new(0), Mutex::new(0));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(case) = starts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        target.run(case);
                        *answered.lock().expect("no thread panicked") += 1;
                    }
                });
            }
        });
        assert_eq!(answered.into_inner().expect("no thread panicked"), starts.len());
        assert_all_there(&home, &postgres);
        assert!(rows_in(&postgres, "sessions") > 80);
        assert!(!home.data().join("dead-letters").exists(), "a row of a recorded start was refused");
        server.stop();
    }
}
