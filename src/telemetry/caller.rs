//! The `caller` of a log line: the last folder, the file and the line of the logging code.

/// The last two components of a path, as in `api/web.rs:12` for `src/api/web.rs:12`.
///
/// Used by [`caller!`](crate::caller) at compile time; a path with fewer components is kept as is.
pub const fn shorten(path: &'static str) -> &'static str {
    let bytes = path.as_bytes();
    let mut at = bytes.len();
    let mut slashes = 0;
    while at > 0 {
        if bytes[at - 1] == b'/' {
            slashes += 1;
            if slashes == 2 {
                // A cut after an ASCII byte is always a character boundary.
                return path.split_at(at).1;
            }
        }
        at -= 1;
    }
    path
}

/// The location of the invocation as `dir/file.rs:line`, computed at compile time.
#[macro_export]
macro_rules! caller {
    () => {{
        const CALLER: &str = $crate::telemetry::caller::shorten(concat!(file!(), ":", line!()));
        CALLER
    }};
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn a_caller_is_the_last_folder_the_file_and_the_line() {
        assert_eq!(shorten("src/api/web.rs:7"), "api/web.rs:7");
        assert_eq!(shorten("/home/me/takeup/src/log/writer.rs:120"), "log/writer.rs:120");
        assert_eq!(shorten("main.rs:1"), "main.rs:1");
        assert_eq!(shorten("src/main.rs:1"), "src/main.rs:1");
        let here = crate::caller!();
        assert!(here.starts_with("telemetry/caller.rs:"), "{here}");
    }
}
