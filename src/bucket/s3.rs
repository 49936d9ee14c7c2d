//! Signing for S3: `object_store`'s signer with the cryptography that session tokens use. It is built without its HTTP client, because the
//! store is never contacted.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hmac::{Hmac, KeyInit, Mac};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    ClientOptions, CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, HttpClient, HttpConnector, HttpError,
    HttpErrorKind, HttpRequest, HttpResponse, HttpService, Signer as PrivateKey, SigningAlgorithm,
};
use object_store::path::Path;
use object_store::signer::Signer as _;
use sha2::{Digest, Sha256};

use super::error::BucketError;
use super::url_life::URL_LIFE;

/// Signs the URLs of one bucket.
pub(super) struct Signer {
    store: AmazonS3,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(
        bucket: &str,
        region: Option<&str>,
        endpoint: Option<&str>,
        key_id: &str,
        secret_key: &str,
    ) -> Result<Self, BucketError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_access_key_id(key_id)
            .with_secret_access_key(secret_key)
            .with_http_connector(Unconnected)
            .with_crypto_provider(Arc::new(Cryptography));
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(fault)?;
        Ok(Self { store })
    }

    /// A signed URL for one PUT.
    pub(super) fn put_url(&self, key: &str) -> Result<String, BucketError> {
        let method = "PUT".parse().map_err(fault)?;
        let path = Path::from(key);
        let signing = pin!(self.store.signed_url(method, &path, URL_LIFE));
        // With static keys there is nothing to wait for: the future is ready at its first poll.
        match signing.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(url) => Ok(url.map_err(fault)?.into()),
            Poll::Pending => Err(BucketError::Store("it would have to be asked for something first".to_owned())),
        }
    }
}

fn fault(error: impl fmt::Display) -> BucketError {
    BucketError::Store(error.to_string())
}

/// A connection to nowhere.
#[derive(Debug)]
struct Unconnected;

impl HttpConnector for Unconnected {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Self))
    }
}

impl HttpService for Unconnected {
    fn call<'s, 'f>(
        &'s self,
        _: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let error = std::io::Error::other("URLs are signed here, and nothing else is done");
        Box::pin(std::future::ready(Err(HttpError::new(HttpErrorKind::Request, error))))
    }
}

/// SHA-256 and HMAC, from the crates that also sign tokens.
#[derive(Debug)]
struct Cryptography;

impl CryptoProvider for Cryptography {
    fn digest(&self, algorithm: DigestAlgorithm) -> object_store::Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Running { state: Sha256::new(), value: [0; 32] })),
            _ => Err(object_store::Error::NotImplemented {
                operation: "another digest than SHA-256".to_owned(),
                implementer: "takeup".to_owned(),
            }),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> object_store::Result<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                let state = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
                Ok(Box::new(Running { state, value: [0; 32] }))
            }
            _ => Err(object_store::Error::NotImplemented {
                operation: "another HMAC than with SHA-256".to_owned(),
                implementer: "takeup".to_owned(),
            }),
        }
    }

    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> object_store::Result<Box<dyn PrivateKey>> {
        Err(object_store::Error::NotImplemented {
            operation: "signing with a private key".to_owned(),
            implementer: "takeup".to_owned(),
        })
    }
}

/// A computation, and its result once it is finished.
struct Running<S> {
    state: S,
    value: [u8; 32],
}

impl DigestContext for Running<Sha256> {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.state, data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.value = self.state.finalize_reset().into();
        Ok(&self.value)
    }
}

impl HmacContext for Running<Hmac<Sha256>> {
    fn update(&mut self, data: &[u8]) {
        Mac::update(&mut self.state, data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.value = self.state.clone().finalize().into_bytes().into();
        Ok(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hmac(key: &[u8], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The signature of a pre-signed PUT, following Amazon's description of Signature Version 4.
    fn signature(url: &str, host: &str, path: &str, secret: &str, region: &str) -> String {
        let (_, query) = url.split_once('?').unwrap();
        let (query, _) = query.split_once("&X-Amz-Signature=").unwrap();
        let parameter = |name: &str| query.split(&format!("{name}=")).nth(1).unwrap().split('&').next().unwrap();
        let time = parameter("X-Amz-Date");
        let day = &time[..8];
        let canonical = format!("PUT\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let digest = hex(&Sha256::digest(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{day}/{region}/s3/aws4_request\n{digest}");
        let key = hmac(format!("AWS4{secret}").as_bytes(), day);
        let key = hmac(&hmac(&hmac(&key, region), "s3"), "aws4_request");
        hex(&hmac(&key, &text))
    }

    #[test]
    fn a_recording_may_be_put_where_the_signed_url_says() {
        let endpoint = Some("http://127.0.0.1:9000");
        let signer = Signer::new("uxtesting-records", Some("eu-central-1"), endpoint, "key", "s3cret").unwrap();
        let url = signer.put_url("4119994481242435014/ux_webcam_record.webm").unwrap();
        let path = "/uxtesting-records/4119994481242435014/ux_webcam_record.webm";
        let (place, query) = url.split_once('?').unwrap();
        assert_eq!(place, format!("http://127.0.0.1:9000{path}"));
        for part in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F",
            "%2Feu-central-1%2Fs3%2Faws4_request&",
            "&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=",
        ] {
            assert!(query.contains(part), "{query}");
        }
        let (_, signed) = url.split_once("&X-Amz-Signature=").unwrap();
        assert_eq!(signed, signature(&url, "127.0.0.1:9000", path, "s3cret", "eu-central-1"));
    }

    #[test]
    fn amazon_is_where_no_other_place_is_named() {
        let url = Signer::new("b", None, None, "key", "s3cret").unwrap().put_url("1/a.webm").unwrap();
        assert!(url.starts_with("https://s3.us-east-1.amazonaws.com/b/1/a.webm?X-Amz-Algorithm="), "{url}");
    }
}
