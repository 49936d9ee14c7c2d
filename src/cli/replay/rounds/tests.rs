use std::collections::HashSet;

use crate::session::SessionId;

use super::*;

#[test]
fn no_two_rounds_give_sessions_of_one_server_the_same_id() {
    // Two that began in the same millisecond, and one that began in the next.
    let sessions = [0x3456_789a_bc00_2100_u64, 0x3456_789a_bc00_2101, 0x3456_789a_bd00_2100];
    for seed in [0, 1, 0xffff_ffff_ffff_ffff] {
        let mut seen = HashSet::new();
        for round in 0..=65_534 {
            for session in sessions {
                let played = session_in(round, seed, session);
                assert!(seen.insert(played), "round {round}, seed {seed}: {played}");
                assert_eq!(SessionId(played).start_ms(), SessionId(session).start_ms());
            }
        }
    }
    assert_eq!(session_in(0, 5, sessions[0]), sessions[0], "the first round has the sessions' own ids");
    assert_ne!(session_in(1, 5, sessions[0]), session_in(1, 6, sessions[0]), "the seed matters");
    assert_eq!(session_in(3, 5, 0), 0, "no session stays none");
}

#[test]
fn a_start_names_its_session_of_the_round_in_its_row_too() {
    use crate::cli::replay::order::Held;
    use crate::log::format::record::{Ext, Kind, Record};
    use crate::records::{SessionRow, Start, bench};
    use crate::session::SessionId;
    let row = SessionRow { session_id: 1 << 40, ..SessionRow::<&str>::default() };
    let (mut json, mut ext) = (Vec::new(), Vec::new());
    row.write(&mut json);
    Start::write_ext(&json, &mut ext);
    let start = Start {
        source: crate::records::Source::Web,
        session: SessionId(1 << 40),
        project: 1,
        ext: Ext(&[]),
        message: b"",
    };
    let head: Record<'static> = bench::stored(&start.entry());
    assert_eq!(head.kind, Kind::Start);
    let mut held = Held { head, ext: Bytes::from(ext), payload: Bytes::new() };
    into_round(&mut held, 2, 0);
    let session = session_in(2, 0, 1 << 40);
    assert_ne!(session, 1 << 40);
    assert_eq!(held.head.session, session);
    let read = SessionRow::read(Ext(&held.ext).get(3).unwrap()).unwrap();
    assert_eq!((read.session_id, read.started_ms), (session, row.started_ms));
}
