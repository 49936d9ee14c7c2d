//! Logs with starts that no client has sent.

use std::time::Duration;

use takeup::log::format::record::Ext;
use takeup::log::{Log, Options};
use takeup::records::{SessionRow, Source, Start};
use takeup::session::SessionId;

use crate::common::{Home, PATIENCE, wait_for};

/// A row of the web project.
pub fn row(session: u64) -> SessionRow<&'static str> {
    SessionRow {
        session_id: session,
        project_id: 1,
        started_ms: 1_700_000_000_000,
        tracker_version: "19.0.1",
        platform: "web",
        os: "Linux",
        browser: "Chrome",
        browser_version: "122.0.0",
        device_type: "desktop",
        country: "UN",
        timezone: "UTC+02:00",
        user_uuid: uuid::Uuid::from_u128(session.into()),
        ..SessionRow::default()
    }
}

/// Writes starts with these rows to the log of a data folder that no server uses.
pub fn write_starts<'r>(home: &Home, rows: impl IntoIterator<Item = SessionRow<&'r str>>) {
    // The folder has its secret and its projects before it has records.
    home.serve(&[]).stop();
    let options = Options {
        dir: home.data().join("log"),
        segment_bytes: 8 << 20,
        window_bytes: 2 << 20,
        group_bytes_max: 2 << 20,
        start_reserve_bytes: 8 << 10,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).expect("the log opens");
    let mut writer = log.writer(0).expect("a writer");
    let (mut json, mut ext, mut written) = (Vec::new(), Vec::new(), 0_u64);
    for row in rows {
        json.clear();
        row.write(&mut json);
        Start::write_ext(&json, &mut ext);
        let session = SessionId(row.session_id);
        let start = Start { source: Source::Web, session, project: row.project_id, ext: Ext(&ext), message: b"" };
        wait_for("room in the log", PATIENCE, || {
            let appended = writer.append(&start.entry()).is_ok();
            if !appended {
                writer.progress();
                writer.kick();
                std::thread::sleep(Duration::from_millis(1));
            }
            appended.then_some(())
        });
        written += 1;
    }
    wait_for("the starts are durable", PATIENCE, || {
        writer.kick();
        (writer.progress().acked.0 >= written).then_some(())
    });
}
