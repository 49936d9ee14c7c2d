use crate::log::format::record::Ext;
use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    for table in Table::ALL {
        let row = TableRow { table, session: SessionId(7), project: 3, json: b"{}" };
        let mut ext = b"left".to_vec();
        let entry = row.entry(&mut ext);
        assert_eq!(Ext(entry.ext).get(ext_type::TABLE), Some(table.as_str().as_bytes()));
        assert_eq!(TableRow::read(&stored(&entry)), Some(row));
    }
    let mut ext = Vec::new();
    ExtWriter::new(&mut ext).push(ext_type::TABLE, b"of_another_build").expect("fits");
    let other = Entry { ext: &ext, ..blank::entry(Kind::Row, 7, 3, b"{}") };
    assert_eq!(TableRow::read(&stored(&other)), None);
}
