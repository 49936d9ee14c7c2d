use super::*;

#[test]
fn what_is_written_is_read() {
    let (data_type, query) = (Some(&b"future"[..]), Some(&b"1_2_begin"[..]));
    for texts in [
        BatchTexts { data_type, query },
        BatchTexts { data_type, query: None },
        BatchTexts { data_type: None, query },
        BatchTexts::default(),
    ] {
        let mut ext = b"left".to_vec();
        texts.write(&mut ext);
        assert_eq!(BatchTexts::read(&Ext(&ext)), texts);
    }
    let mut ext = Vec::new();
    BatchTexts { data_type: Some(&[b'd'; 1000]), query: Some(&[b'q'; 1000]) }.write(&mut ext);
    let cut = BatchTexts::read(&Ext(&ext));
    assert_eq!(cut.data_type.map(<[u8]>::len), Some(DATA_TYPE_BYTES_MAX));
    assert_eq!(cut.query.map(<[u8]>::len), Some(QUERY_BYTES_MAX));
}

#[test]
fn a_header_has_the_name_of_its_code() {
    for &code in DataType::ALL {
        let header = header_of(code, Some(b"future"));
        let text = (code == DataType::Other).then_some(&b"future"[..]);
        assert_eq!(data_type_of(header), (code, text));
        if code != DataType::Other {
            assert_eq!(data_type_of(Some(code.as_str().as_bytes())), (code, None));
        }
    }
    // A client that calls its type like the code for all unknown ones has an unknown type.
    assert_eq!(data_type_of(Some(b"other")), (DataType::Other, Some(&b"other"[..])));
    assert_eq!(data_type_of(Some(b"")), (DataType::All, None));
}
