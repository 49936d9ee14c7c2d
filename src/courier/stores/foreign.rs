//! Objects of others in a list.
//!
//! `object_store` refuses a whole list for one name that it takes for no path: `a//b`, `..`, a control character. In a bucket, everybody who may
//! write can make such names. They are none of ours, so they are taken out of the list before it is read.

use object_store::path::Path;

/// The elements of lists, and where in them a name is: S3 and Google, Azure.
const NAMED: [(&str, &str); 4] =
    [("Contents", "Key"), ("CommonPrefixes", "Prefix"), ("Blob", "Name"), ("BlobPrefix", "Name")];

/// A list without names that are no paths.
pub fn without_foreign(xml: &str) -> String {
    NAMED.iter().fold(xml.to_owned(), |xml, (element, name)| keep(&xml, element, name))
}

fn keep(xml: &str, element: &str, name: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut kept = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, from)) = rest.split_once(&*open) {
        kept.push_str(before);
        let Some((inner, after)) = from.split_once(&*close) else {
            // A list that is cut off is for its reader to refuse.
            kept.push_str(&open);
            rest = from;
            continue;
        };
        if is_path(inner, name) {
            kept.extend([&*open, inner, &*close]);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Whether the first element with this name holds a path. One with a character that XML escapes is not of takeup.
fn is_path(inner: &str, name: &str) -> bool {
    let text = inner.split_once(&*format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    text.is_some_and(|(text, _)| !text.contains('&') && Path::parse(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_paths_are_taken_out_and_nothing_else() {
        let s3 = |keys: &[&str], prefixes: &[&str]| {
            let keys: String =
                keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")).collect();
            let prefixes: String = prefixes
                .iter()
                .map(|name| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"))
                .collect();
            format!("<ListBucketResult><Prefix>a/</Prefix>{keys}<Next>x</Next>{prefixes}</ListBucketResult>")
        };
        let all = s3(&["a/1.seg", "a//2", "a/../3", "a/&#x1b;4", "a/\u{7}5", "a/"], &["a/b/", "a//", "a/./"]);
        assert_eq!(without_foreign(&all), s3(&["a/1.seg", "a/"], &["a/b/"]));
        let azure = "<Blobs><Blob><Name>a//b</Name></Blob><Blob><Name>a/c</Name></Blob><BlobPrefix><Name>..</Name></BlobPrefix></Blobs>";
        assert_eq!(without_foreign(azure), "<Blobs><Blob><Name>a/c</Name></Blob></Blobs>");
        for cut in ["", "<Contents><Key>a", "<Contents><Contents><Key>a//b</Key></Contents>"] {
            without_foreign(cut);
        }
        assert_eq!(without_foreign("<Contents><Key>a"), "<Contents><Key>a");
    }
}
