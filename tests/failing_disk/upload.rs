//! Uploads that leave several records, on a disk whose syncs fail.

use super::faults::Call;
use super::faulty::FaultyDisk;
use super::sync::wait_until_idle;
use crate::common::{Home, Request, Server};
use crate::verify;

use takeup::log::format::record::Kind;
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

const PICTURE_BYTES: usize = 100_000;

/// A form with this many pictures of one canvas.
fn upload(token: &str, pictures: u64) -> Request {
    let mut body = Vec::new();
    for at in 0..pictures {
        body.extend_from_slice(
            format!("--b\r\nContent-Disposition: form-data; name=\"s\"; filename=\"1_2_{at}.jpeg\"\r\n\r\n").as_bytes(),
        );
        body.resize(body.len() + PICTURE_BYTES, at as u8);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let request = Request::post("/v1/web/images").token(token);
    request.header("Content-Type", "multipart/form-data; boundary=b").body(body)
}

/// The times of all frames in the log, in its order.
fn times(home: &Home) -> Vec<u64> {
    let mut merge = Merge::new(LogReader::open(&home.data().join("log")).expect("the log opens"));
    let mut times = Vec::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        if record.kind != Kind::Image {
            continue;
        }
        for frame in record.payload.chunks(12 + PICTURE_BYTES) {
            times.push(u64::from_le_bytes(frame[..8].try_into().expect("eight bytes")));
            assert!(frame[12..].iter().all(|&byte| byte == frame[0]), "a frame is whole");
        }
    }
    times
}

/// Has the segment in use and the one behind it made, so that the next sync is that of a group.
fn begin(server: &Server, home: &Home) {
    assert_eq!(server.connect().exchange(Request::batch(&home.token(9), b"first")).status, 200);
    wait_until_idle(server);
}

#[test]
fn an_upload_of_many_records_outlives_failed_syncs_whole_and_in_order() {
    for failures in [1, 2] {
        let Some(disk) = FaultyDisk::new() else { return };
        let home = Home::with_data(&disk.path("data"));
        let server = home.serve(&[("format_ahead", "false"), ("queue_message_size_limit", "300000")]);
        begin(&server, &home);
        disk.faults().fail(Call::Sync, "core-00", libc::EIO, failures);
        let answer = server.connect().exchange(upload(&home.token(7), 60));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(disk.faults().hits(), failures, "the syncs that were to fail have failed");
        let stored = times(&home);
        assert_eq!(stored, (0..60).collect::<Vec<u64>>());
        server.stop();
        verify(&home);
    }
}

#[test]
fn an_upload_is_refused_when_a_part_of_it_cannot_be_stored() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("format_ahead", "false"), ("patience", "500ms")]);
    begin(&server, &home);
    disk.faults().fail(Call::Sync, "core-00", libc::EIO, 1_000_000);
    let answer = server.connect().exchange(upload(&home.token(7), 60));
    assert_eq!(answer.status, 503, "{}", answer.text());
}
