use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    let mut ext = b"left".to_vec();
    Start::write_ext(br#"{"session_id":7}"#, &mut ext);
    for (source, message) in [(Source::Web, &b"\x01"[..]), (Source::Mobile, b"\x5a"), (Source::Sdk, b"")] {
        let start = Start { source, session: SessionId(7), project: 3, ext: Ext(&ext), message };
        let read = Start::read(&stored(&start.entry()));
        assert_eq!(read, Some(start));
        assert_eq!(read.and_then(|start| start.row_json()), Some(&br#"{"session_id":7}"#[..]));
    }
}
