//! A disk that fails under the archive: nothing is lost, nothing is there twice, and it goes on by itself.

use super::faults::Call;
use super::faulty::FaultyDisk;
use crate::common::{Home, PATIENCE, Server, wait_for};
use crate::read::Archived;
use crate::sender::Sender;

const KEPT: &[(&str, &str)] = &[("archive", "true"), ("archive_flush", "100ms"), ("archive_budget_percent", "100")];

/// Every call of a change: what is written, its name, the manifest's list and head, and their names.
const CALLS: [(Call, &str); 6] = [
    (Call::Write, "/archive/batches"),
    (Call::Sync, "/archive/batches"),
    (Call::SyncFolder, "/archive/batches"),
    (Call::Sync, "/archive/manifest/"),
    (Call::Sync, "/archive/manifest.json"),
    (Call::SyncFolder, "/archive"),
];

#[track_caller]
fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        let report = reports.as_array()?.iter().find(|report| report["name"] == "compactor")?.clone();
        (report["lag"]["bytes"] == 0 && report["state"] == "ready").then_some(())
    });
}

#[test]
fn a_disk_that_fails_under_the_archive_costs_a_repetition_and_no_record() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(KEPT);
    let mut sender = Sender::default();
    for (round, (call, under)) in (1..).zip(CALLS) {
        let errno = if round % 2 == 0 { libc::EIO } else { libc::ENOSPC };
        let before = disk.faults().hits();
        disk.faults().fail(call, under, errno, 2);
        sender.send_until(&home, &server, |sender| sender.sent() >= round * 10);
        wait_for("the disk has failed", PATIENCE, || (disk.faults().hits() >= before + 2).then_some(()));
        wait_until_archived(&server);
        sender.check_each_once(&Archived::read_named(home.data()));
    }
    assert_eq!(server.admin_page("/health").json()["checks"]["archive"][0]["status"], "pass");
    server.stop();
    sender.check_each_once(&Archived::read(home.data()));

    // The same while files are merged: the command ends with an error, and the next one does what is left.
    let mut failures = 0;
    for (call, under) in CALLS {
        disk.faults().fail(call, under, libc::EIO, 1);
        let failed = home.takeup(&["compact", "--merge", "all"]);
        disk.faults().clear();
        failures += u32::from(failed.code == Some(1));
        sender.check_each_once(&Archived::read_named(home.data()));
    }
    assert!(failures > 0);
    let merged = home.takeup(&["compact", "--merge", "all"]);
    assert_eq!(merged.code, Some(0), "{merged:?}");
    sender.check_each_once(&Archived::read(home.data()));
}
