//! What goes wrong with a store, told by its codes: HTTP statuses and the stores' own codes, kinds of transport errors, `io::ErrorKind`.

use std::error::Error;
use std::io;
use std::path::Path;

use object_store::client::{HttpError, HttpErrorKind};

use crate::courier::cause::{Cause, Trouble};

use super::refusal::Refusal;

/// How much of an error's text is shown.
const TEXT_CHARS_MAX: usize = 400;

/// The cause behind an error of the store. `doing` says what was tried, such as `"list the objects"`.
pub fn cause_of(error: &object_store::Error, doing: &str) -> Cause {
    if let Some(refusal) = refusal_of(error) {
        return of_refusal(refusal, doing);
    }
    let words = last_words(error);
    if let Some(code) = code_of_removal(&words) {
        return Cause::new(trouble_of(0, code), code.to_owned(), shortened(&format!("{doing}: {words}")));
    }
    let trouble = match find::<HttpError>(error).map(HttpError::kind) {
        Some(HttpErrorKind::Timeout) => Trouble::TimedOut,
        Some(HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Interrupted) => Trouble::Unreachable,
        // A credential that can't be read is a file of this machine, too.
        None if find::<io::Error>(error).is_some() => Trouble::Local,
        _ => Trouble::Other,
    };
    Cause::new(trouble, "", shortened(&format!("{doing}: {words}")))
}

/// S3's code for an object that it did not remove in a request for several: `object_store` has it in its text alone.
fn code_of_removal(words: &str) -> Option<&str> {
    let words = words.strip_prefix("DeleteObjects request failed for key ")?;
    words.rsplit_once("(code: ")?.1.strip_suffix(')')
}

/// What the store answered, if it did.
pub fn refusal_of(error: &object_store::Error) -> Option<&Refusal> {
    find::<Refusal>(error)
}

fn of_refusal(refusal: &Refusal, doing: &str) -> Cause {
    let Refusal { status, code, message } = refusal;
    let code = if code.is_empty() { status.to_string() } else { code.clone() };
    let text = if message.is_empty() { doing.to_owned() } else { format!("{doing}: {message}") };
    Cause::new(trouble_of(*status, &refusal.code), code, shortened(&text))
}

/// The trouble that a status and a store's code stand for. Codes: S3's "Error responses", Azure's "Blob Storage error codes".
fn trouble_of(status: u16, code: &str) -> Trouble {
    match code {
        "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" | "ResourceNotFound" => Trouble::Missing,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "AuthFailure"
        | "InvalidClientTokenId"
        | "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "InvalidSecurity" => Trouble::WrongCredentials,
        "AccessDenied"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "AuthorizationFailure"
        | "AuthorizationPermissionMismatch"
        | "InsufficientAccountPermissions"
        | "AccountIsDisabled" => Trouble::NoPermission,
        // The clock of this machine is wrong.
        "RequestTimeTooSkewed" => Trouble::Local,
        "SlowDown" | "ServerBusy" | "TooManyRequests" | "RequestLimitExceeded" => Trouble::Busy,
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" | "XMinioAdminBucketQuotaExceeded" => {
            Trouble::Full
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Trouble::Mismatch,
        _ => match status {
            401 => Trouble::WrongCredentials,
            403 => Trouble::NoPermission,
            404 => Trouble::Missing,
            408 | 504 => Trouble::TimedOut,
            429 => Trouble::Busy,
            507 => Trouble::Full,
            300..=399 => Trouble::Mismatch,
            500..=599 => Trouble::NotReady,
            _ => Trouble::Other,
        },
    }
}

/// The cause behind a failed call on a file of a store that is a folder.
pub fn of_folder(error: &io::Error, path: &Path) -> Cause {
    let trouble = match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing,
        io::ErrorKind::PermissionDenied => Trouble::NoPermission,
        io::ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Trouble::Full,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::StaleNetworkFileHandle => {
            Trouble::Unreachable
        }
        _ => Trouble::Other,
    };
    let code = error.raw_os_error().map(|errno| format!("os error {errno}")).unwrap_or_default();
    Cause::new(trouble, code, format!("{}: {error}", path.display()))
}

/// Finds an error of a type among the causes of an error.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the innermost cause says; the others only repeat it.
fn last_words(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_code_and_else_by_its_status() {
        for (status, code, trouble) in [
            (404, "NoSuchBucket", Trouble::Missing),
            (404, "", Trouble::Missing),
            (403, "AccessDenied", Trouble::NoPermission),
            (403, "", Trouble::NoPermission),
            (403, "SignatureDoesNotMatch", Trouble::WrongCredentials),
            (403, "InvalidAccessKeyId", Trouble::WrongCredentials),
            (403, "RequestTimeTooSkewed", Trouble::Local),
            (401, "", Trouble::WrongCredentials),
            (503, "SlowDown", Trouble::Busy),
            (503, "", Trouble::NotReady),
            (500, "InternalError", Trouble::NotReady),
            (507, "XMinioStorageFull", Trouble::Full),
            (301, "PermanentRedirect", Trouble::Mismatch),
            (400, "", Trouble::Other),
        ] {
            assert_eq!(trouble_of(status, code), trouble, "{status} {code}");
        }
    }

    #[test]
    fn what_one_object_of_several_is_not_removed_for_is_told_by_its_code() {
        let words = "DeleteObjects request failed for key a/b (code: x): Access Denied (code: AccessDenied)";
        assert_eq!(code_of_removal(words).map(|code| trouble_of(0, code)), Some(Trouble::NoPermission));
        assert_eq!(code_of_removal("connection reset (code: AccessDenied)"), None);
    }
}
