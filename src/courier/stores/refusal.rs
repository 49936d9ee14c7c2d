//! What a store answers when it refuses: the status, and the code in the body.
//!
//! `object_store` keeps the answer's status to itself and its body as text. So its HTTP client is wrapped: an answer that is not a success
//! becomes an error of the transport with a [`Refusal`] in it, which is found again in the chain of causes. Nothing is then tried again inside
//! of `object_store`; the courier does that, and shows it. Lists lose what is foreign to us here, too.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};

use super::foreign::without_foreign;

/// How much of a refusal's body is read.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The longest code that is kept: no store's is as long.
const CODE_CHARS_MAX: usize = 64;

/// How much of its message is shown.
const MESSAGE_CHARS_MAX: usize = 300;

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status} {code}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The store's own code, such as `NoSuchBucket`; empty if it gave none, as for every HEAD.
    pub code: String,
    /// The store's own words.
    pub message: String,
}

/// Connects as `object_store` does by itself, and turns refusals into errors.
#[derive(Debug)]
pub struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service { client }))
    }
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
}

impl HttpService for Service {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let is_list = request.uri().query().is_some_and(asks_for_a_list);
            let answer = self.client.execute(request).await?;
            if answer.status().is_success() {
                return if is_list { listed(answer).await } else { Ok(answer) };
            }
            Err(HttpError::new(HttpErrorKind::Unknown, refusal(answer).await))
        })
    }
}

/// S3 and Google, or Azure.
fn asks_for_a_list(query: &str) -> bool {
    query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list"))
}

async fn listed(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (head, body) = answer.into_parts();
    let body = body.bytes().await?;
    let kept = match std::str::from_utf8(&body) {
        Ok(xml) => without_foreign(xml).into(),
        // For its reader to refuse.
        Err(_) => body.into(),
    };
    Ok(HttpResponse::from_parts(head, kept))
}

async fn refusal(answer: HttpResponse) -> Refusal {
    let status = answer.status().as_u16();
    // Azure names its code in a header, too.
    let header = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or("").to_owned();
    let body = beginning(answer.into_body()).await;
    let code = element(&body, "Code").map_or(header, |code| code.chars().take(CODE_CHARS_MAX).collect());
    let message = element(&body, "Message").unwrap_or("").chars().take(MESSAGE_CHARS_MAX).collect();
    Refusal { status, code, message }
}

/// The beginning of a body; what can't be read is left out, because the status says most.
async fn beginning(body: HttpResponseBody) -> String {
    let mut stream = body.bytes_stream();
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES_MAX {
        let Some(Ok(piece)) = stream.next().await else { break };
        let room = BODY_BYTES_MAX - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text of an XML element that has no other elements in it.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once('<')?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_refusal_is_found_in_its_xml() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>";
        assert_eq!(element(xml, "Code"), Some("NoSuchBucket"));
        assert_eq!(element(xml, "Message"), Some("gone"));
        assert_eq!(element("<Error><Code>cut", "Code"), None);
        assert_eq!(element("", "Code"), None);
    }
}
