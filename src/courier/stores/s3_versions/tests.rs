use super::*;

fn list(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><Name>b</Name>{inner}</ListVersionsResult>")
}

#[test]
fn versions_and_marks_of_removals_are_read_in_their_order() {
    let xml = list(
        "<IsTruncated>true</IsTruncated><NextKeyMarker>a&amp;&#x2F;b</NextKeyMarker><NextVersionIdMarker>v9</NextVersionIdMarker>\
         <DeleteMarker><Key>a/1</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
         <Version><Key>a/1</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><Size>7</Size></Version>\
         <Version><Key>a&lt;2</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest><Size>1</Size></Version>\
         <Version><Key>a/3</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><Size>9</Size></Version>",
    );
    let page = parse(&xml).unwrap();
    let found: Vec<_> =
        page.versions.iter().map(|one| (&*one.key, &*one.id, one.is_latest, one.is_marker, one.bytes)).collect();
    assert_eq!(found, [("a/1", "v2", true, true, 0), ("a/1", "v1", false, false, 7), ("a/3", "null", true, false, 9)]);
    assert_eq!(page.next, Some(ListMarker { key: "a&/b".to_owned(), id: "v9".to_owned() }));
    assert_eq!(parse(&list("<IsTruncated>false</IsTruncated>")).unwrap(), ListedPage::default());
}

#[test]
fn a_list_that_is_cut_off_is_never_taken_for_a_whole_one() {
    let whole = list(
        "<IsTruncated>false</IsTruncated><Version><Key>a</Key><VersionId>v</VersionId><IsLatest>true</IsLatest></Version>",
    );
    assert_eq!(parse(&whole).unwrap().versions.len(), 1);
    for end in 0..whole.len() {
        assert!(parse(&whole[..end]).is_err(), "{}", &whole[..end]);
    }
    for wrong in [
        "<Version><VersionId>v</VersionId></Version>",
        "<Version><Key>a</Key></Version>",
        "<IsTruncated>true</IsTruncated>",
        "<IsTruncated>true</IsTruncated><NextKeyMarker>a&b</NextKeyMarker>",
        "<IsTruncated>true</IsTruncated><NextKeyMarker>a&#xd800;b</NextKeyMarker>",
    ] {
        assert!(parse(&list(wrong)).is_err(), "{wrong}");
    }
}
