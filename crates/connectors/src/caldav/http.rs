//! One request, one bounded answer.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{
        AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
    },
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use url::Url;

use super::{account::Account, error::CaldavError};

/// A request and its answer take no longer than this, connecting included.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Redirections that are followed.
const REDIRECTS_MAX: usize = 5;

/// The longest answer that is read: more than twice the longest calendar.
pub(super) const ANSWER_BYTES_MAX: usize = 12 * 1024 * 1024;

/// What is asked of the server.
pub(super) struct Ask<'a> {
    /// For error messages.
    pub(super) what: &'static str,
    pub(super) method: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content_type: &'static str,
    pub(super) body: &'a str,
}

/// The server's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) body: String,
    /// Where it came from, after redirections.
    pub(super) url: Url,
}

/// Speaks HTTP to the server of one account.
#[derive(Clone)]
pub(super) struct Http {
    account: Account,
    tls: Option<TlsConnector>,
}

impl Http {
    pub(super) fn new(account: Account) -> Result<Self, CaldavError> {
        let tls = match account.url().scheme() {
            "https" => Some(TlsConnector::from(Arc::new(tls()?))),
            _ => None,
        };
        Ok(Self { account, tls })
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// Asks, and follows redirections within the account's origin.
    pub(super) async fn ask(&self, url: &Url, ask: &Ask<'_>) -> Result<Answer, CaldavError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let once = tokio::time::timeout(TIMEOUT, self.once(&url, ask));
            let (answer, location) = once.await.map_err(|_| {
                unreachable_host(&url, format!("no answer within {} seconds", TIMEOUT.as_secs()))
            })??;
            match (answer.status, location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    url = self.account.resolve(&url, &location)?;
                }
                (401, _) => return Err(CaldavError::Unauthorised),
                _ => return Ok(answer),
            }
        }
        Err(CaldavError::Malformed { what: ask.what, reason: "it redirects without end".into() })
    }

    async fn once(
        &self,
        url: &Url,
        ask: &Ask<'_>,
    ) -> Result<(Answer, Option<String>), CaldavError> {
        let host = url.host_str().unwrap_or_default();
        // A literal IPv6 address stands in brackets in an address only.
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(443);
        let stream = TcpStream::connect((name, port)).await;
        let stream = stream.map_err(|error| unreachable_host(url, error.to_string()))?;
        match &self.tls {
            None => self.exchange(stream, url, ask).await,
            Some(tls) => {
                let server = ServerName::try_from(name.to_owned())
                    .map_err(|_| CaldavError::Address("its host is not a name"))?;
                let stream = tls.connect(server, stream).await;
                let stream = stream.map_err(|error| unreachable_host(url, error.to_string()))?;
                self.exchange(stream, url, ask).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        url: &Url,
        ask: &Ask<'_>,
    ) -> Result<(Answer, Option<String>), CaldavError> {
        let failed = |error: hyper::Error| unreachable_host(url, error.to_string());
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let request = self.request(url, ask)?;
        let talk = async {
            let response = sender.send_request(request).await.map_err(failed)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
                match error.downcast::<hyper::Error>() {
                    Ok(error) => unreachable_host(url, error.to_string()),
                    Err(_) => CaldavError::TooLarge { what: ask.what, max: ANSWER_BYTES_MAX },
                }
            })?;
            let body = String::from_utf8(body.to_bytes().to_vec()).map_err(|_| {
                CaldavError::Malformed { what: ask.what, reason: "it is not UTF-8 text".into() }
            })?;
            let answer = Answer {
                status: parts.status.as_u16(),
                etag: header(&parts.headers, ETAG.as_str()),
                body,
                url: url.clone(),
            };
            Ok((answer, header(&parts.headers, LOCATION.as_str())))
        };
        let mut connection = std::pin::pin!(connection);
        let mut talk = std::pin::pin!(talk);
        // The connection ends when its answer has been read; dropping it closes the socket.
        tokio::select! {
            answer = &mut talk => answer,
            ended = &mut connection => match ended {
                Ok(()) => talk.await,
                Err(error) => Err(failed(error)),
            },
        }
    }

    fn request(
        &self,
        url: &Url,
        ask: &Ask<'_>,
    ) -> Result<hyper::Request<Full<Bytes>>, CaldavError> {
        let malformed = |_| CaldavError::Address("it cannot be sent");
        let method = Method::from_bytes(ask.method.as_bytes()).map_err(|_| malformed(()))?;
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let authorization = HeaderValue::from_str(&self.account.authorization());
        let mut authorization = authorization.map_err(|_| malformed(()))?;
        authorization.set_sensitive(true);
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host)
            .header(USER_AGENT, concat!("conclave/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, ask.content_type)
            .header(AUTHORIZATION, authorization)
            .header(hyper::header::CONNECTION, "close");
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(Bytes::copy_from_slice(ask.body.as_bytes())))
            .map_err(|_| malformed(()))
    }
}

impl Answer {
    /// The answer, if its status is one of those that were hoped for.
    pub(super) fn expecting(
        self,
        what: &'static str,
        statuses: &[StatusCode],
    ) -> Result<Self, CaldavError> {
        if statuses.iter().any(|status| status.as_u16() == self.status) {
            return Ok(self);
        }
        Err(CaldavError::Refused { what, status: self.status })
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn unreachable_host(url: &Url, reason: String) -> CaldavError {
    let host = url.origin().ascii_serialization();
    CaldavError::Unreachable { host, reason }
}

/// TLS as this machine trusts it, so that an owner's own certificate authority counts.
fn tls() -> Result<ClientConfig, CaldavError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = "this machine has no certificates to trust".to_owned();
        return Err(CaldavError::Invalid { field: "url", reason });
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CaldavError::Invalid { field: "url", reason: error.to_string() })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
