//! A request as the plugin asks for it, checked, with its secrets filled in: ready to be sent once, or again after a redirect.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use super::super::refusal::Refusal;
use super::fill::{Fill, Filler};
use crate::plugin::grants::Origin;

/// The longest URL, in bytes, with its secrets.
pub const URL_BYTES_MAX: usize = 8 << 10;
/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Bytes of all names and values of a request's headers.
pub const HEADER_BYTES_MAX: usize = 32 << 10;
/// The largest body of a request, in bytes.
pub const REQUEST_BODY_BYTES_MAX: usize = 4 << 20;
/// Secrets in one request.
pub const FILLS_MAX: usize = 16;

/// The host's to set: they say how a message travels, not what it says.
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Never taken along to another origin.
const PRIVATE_HEADERS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::WWW_AUTHENTICATE];
/// Gone with the body that they describe.
const BODY_HEADERS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION];

/// A request as the plugin asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// Absolute, of HTTP or HTTPS.
    pub url: String,
    /// In order.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Option<Vec<u8>>,
    /// Secrets in url, headers and body.
    pub fills: Vec<Fill>,
    /// Absent: what remains of the call's time.
    pub timeout_ms: Option<u32>,
    /// How many redirects are followed; the one after is the answer.
    pub redirects_max: u8,
    /// Absent: [`super::BODY_BYTES_DEFAULT`].
    pub body_bytes_max: Option<u32>,
    /// The operator's named TLS settings.
    pub tls_profile: Option<String>,
}

/// One message on its way: its secrets are in it, so it does not show itself.
pub(super) struct Message {
    pub(super) origin: Origin,
    pub(super) method: Method,
    pub(super) url: Url,
    /// The URL for people and plugins: without secrets.
    pub(super) shown: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether there is a secret in the body.
    secret_body: bool,
}

/// The origin of a request's URL before any secret is filled in.
///
/// # Errors
/// It is no URL of HTTP or HTTPS, too long, or has a user in it.
pub(super) fn origin(url: &str) -> Result<Origin, Refusal> {
    if url.starts_with("http+unix:") {
        return Err(Refusal::permanent("`http+unix:` comes with a later version, use `http:` or `https:`"));
    }
    let parsed = parse(url)?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Refusal::permanent("the url has a user in it, send the header `authorization` with a secret filled in"));
    }
    origin_of(&parsed)
}

fn parse(url: &str) -> Result<Url, Refusal> {
    if url.len() > URL_BYTES_MAX {
        return Err(Refusal::permanent(format!("the url has {} bytes, more than {URL_BYTES_MAX}", url.len())));
    }
    // The text may hold a secret: it is not shown.
    Url::parse(url).map_err(|error| Refusal::permanent(format!("the url is none: {error}")))
}

fn origin_of(url: &Url) -> Result<Origin, Refusal> {
    Origin::of(url)
        .ok_or_else(|| Refusal::permanent(format!("`{}:` is not asked, only `http:` and `https:` are", url.scheme())))
}

impl Message {
    /// Checks the request and fills the secrets in.
    ///
    /// # Errors
    /// Method, URL, headers or body are none or too large; or a secret cannot stand where its placeholder does.
    pub(super) fn new(request: &Request, origin: Origin, filler: &Filler) -> Result<Self, Refusal> {
        let method = method(&request.method)?;
        let mut url = parse(&filler.fill_text(&request.url).unwrap_or_else(|| request.url.clone()))?;
        if origin_of(&url)? != origin || !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::permanent("a secret may stand in the url's path and query only, not in its origin"));
        }
        url.set_fragment(None);
        let body = request.body.as_deref().unwrap_or_default();
        let filled = filler.fill(body);
        let secret_body = filled.is_some();
        let body = Bytes::from(filled.unwrap_or_else(|| body.to_vec()));
        if body.len() > REQUEST_BODY_BYTES_MAX {
            return Err(Refusal::permanent(format!("the body has {} bytes, more than {REQUEST_BODY_BYTES_MAX}", body.len())));
        }
        let headers = headers(request, filler)?;
        Ok(Self { origin, method, url, shown: request.url.clone(), headers, body, secret_body })
    }

    /// The message that follows a redirect; `None` where the answer is none.
    ///
    /// # Errors
    /// It leads to what is no URL of HTTP, or would take a secret body elsewhere.
    pub(super) fn redirected(&self, status: StatusCode, answer: &HeaderMap, filler: &Filler) -> Result<Option<Self>, Refusal> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = answer.get(header::LOCATION) else { return Ok(None) };
        let location = std::str::from_utf8(location.as_bytes()).ok().and_then(|location| self.url.join(location).ok());
        let Some(mut url) = location.filter(|url| url.as_str().len() <= URL_BYTES_MAX) else {
            return Err(Refusal::permanent(format!("`{}` redirects to what is no url", self.shown)));
        };
        url.set_fragment(None);
        // A URL of HTTP has room for a user, so taking one away cannot fail.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut next = Self {
            origin: origin_of(&url)?,
            method: self.method.clone(),
            shown: filler.redact_text(url.as_str()),
            url,
            headers: self.headers.clone(),
            body: self.body.clone(),
            secret_body: self.secret_body,
        };
        let read_instead = match status.as_u16() {
            303 => next.method != Method::GET && next.method != Method::HEAD,
            301 | 302 => next.method == Method::POST,
            _ => false,
        };
        if read_instead {
            next.method = Method::GET;
            next.body = Bytes::new();
            next.secret_body = false;
            BODY_HEADERS.iter().for_each(|name| drop(next.headers.remove(name)));
        }
        if next.origin != self.origin {
            next.drop_secrets()?;
        }
        Ok(Some(next))
    }

    /// Makes the message fit for another origin.
    fn drop_secrets(&mut self) -> Result<(), Refusal> {
        if self.secret_body {
            let origin = &self.origin;
            return Err(Refusal::permanent(format!("a redirect would take the body with its secret to `{origin}`")));
        }
        let secret = |(name, value): &(&HeaderName, &HeaderValue)| value.is_sensitive().then(|| (*name).clone());
        let names: Vec<_> = self.headers.iter().filter_map(|pair| secret(&pair)).chain(PRIVATE_HEADERS).collect();
        names.iter().for_each(|name| drop(self.headers.remove(name)));
        Ok(())
    }
}

fn method(text: &str) -> Result<Method, Refusal> {
    let method =
        Method::from_bytes(text.as_bytes()).ok().filter(|method| *method != Method::CONNECT && *method != Method::TRACE);
    method.ok_or_else(|| {
        let shown: String = text.chars().take(32).flat_map(char::escape_debug).collect();
        Refusal::permanent(format!("`{shown}` is no method that is sent, use `GET`, `POST` and so on"))
    })
}

/// The headers with their secrets, those marked as sensitive.
fn headers(request: &Request, filler: &Filler) -> Result<HeaderMap, Refusal> {
    if request.headers.len() > HEADERS_MAX {
        return Err(Refusal::permanent(format!("{} headers are more than {HEADERS_MAX}", request.headers.len())));
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 4);
    let mut bytes = 0;
    for (name, value) in &request.headers {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Refusal::permanent(format!("`{shown}` is no name of a header")));
        };
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(Refusal::permanent(format!("the host sets the header `{name}`, leave it out")));
        }
        let filled = filler.fill(value.as_bytes());
        let secret = filled.is_some();
        let Ok(mut value) = HeaderValue::from_bytes(filled.as_deref().unwrap_or(value.as_bytes())) else {
            let what = if secret { "with its secret has" } else { "has" };
            return Err(Refusal::permanent(format!("the header `{name}` {what} a line break or another control character")));
        };
        value.set_sensitive(secret);
        bytes += name.as_str().len() + value.len();
        if bytes > HEADER_BYTES_MAX {
            return Err(Refusal::permanent(format!("the headers have more than {HEADER_BYTES_MAX} bytes")));
        }
        headers.append(name, value);
    }
    let agent = HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(agent);
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        Request { method: "GET".into(), url: url.into(), ..Request::default() }
    }

    fn message(request: &Request) -> Result<Message, Refusal> {
        Message::new(request, origin(&request.url)?, &Filler::default())
    }

    fn wrong(request: &Request) -> String {
        message(request).err().unwrap().to_string()
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        for (url, expected) in [
            ("shop.example", "the url is none: relative URL without a base"),
            ("ftp://shop.example", "`ftp:` is not asked, only `http:` and `https:` are"),
            ("http+unix://%2frun%2fdocker.sock/info", "`http+unix:` comes with a later version, use `http:` or `https:`"),
            ("https://me:x@shop.example", "the url has a user in it, send the header `authorization` with a secret filled in"),
            (&format!("https://a/{}", "x".repeat(URL_BYTES_MAX)), "the url has 8202 bytes, more than 8192"),
        ] {
            assert_eq!(wrong(&request(url)), expected);
        }
        for (name, value, expected) in [
            ("x-a", "1\r\nhost: evil.example", "the header `x-a` has a line break or another control character"),
            ("x a", "1", "`x a` is no name of a header"),
            ("x\r\n", "1", "`x\\r\\n` is no name of a header"),
            ("Host", "evil.example", "the host sets the header `host`, leave it out"),
            ("Transfer-Encoding", "chunked", "the host sets the header `transfer-encoding`, leave it out"),
        ] {
            let request = Request { headers: vec![(name.into(), value.into())], ..request("http://a") };
            assert_eq!(wrong(&request), expected);
        }
        for method in ["", "GET /x", "CONNECT", "TRACE", "G\r\n"] {
            assert!(message(&Request { method: method.into(), ..request("http://a") }).is_err(), "{method}");
        }
        let body = Some(vec![0; REQUEST_BODY_BYTES_MAX + 1]);
        assert!(wrong(&Request { body, ..request("http://a") }).starts_with("the body has"));
        let headers = vec![("a".to_owned(), String::new()); HEADERS_MAX + 1];
        assert_eq!(wrong(&Request { headers, ..request("http://a") }), "65 headers are more than 64");
        let headers = vec![("a".to_owned(), "x".repeat(HEADER_BYTES_MAX))];
        assert!(wrong(&Request { headers, ..request("http://a") }).contains("the headers have more than"));
    }

    #[test]
    fn a_redirect_is_followed_as_browsers_do() {
        for (method, status, expected, body) in [
            ("POST", 301, "GET", 0),
            ("POST", 302, "GET", 0),
            ("POST", 303, "GET", 0),
            ("PUT", 302, "PUT", 4),
            ("PUT", 303, "GET", 0),
            ("POST", 307, "POST", 4),
            ("POST", 308, "POST", 4),
            ("HEAD", 303, "HEAD", 4),
        ] {
            let headers = vec![("content-type".into(), "a/b".into()), ("authorization".into(), "x".into())];
            let body_text = Some(b"text".to_vec());
            let first = Request { method: method.into(), headers, body: body_text, ..request("http://a/x/y?q#f") };
            let answer = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("../z"))]);
            let status = StatusCode::from_u16(status).unwrap();
            let next = message(&first).unwrap().redirected(status, &answer, &Filler::default()).unwrap().unwrap();
            assert_eq!((next.method.as_str(), next.url.as_str(), next.body.len()), (expected, "http://a/z", body));
            assert_eq!(next.headers.contains_key("content-type"), body > 0);
            assert!(next.headers.contains_key("authorization"), "the origin is the same");
        }
    }

    #[test]
    fn a_redirect_elsewhere_takes_no_credentials_along() {
        let headers = ["authorization", "cookie", "x-kept"].map(|name| (name.to_owned(), "x".to_owned())).to_vec();
        let first = message(&Request { headers, ..request("https://a/") }).unwrap();
        for elsewhere in ["https://b/", "https://a:444/", "http://a/", "//user:pass@b/"] {
            let answer = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(elsewhere))]);
            let next = first.redirected(StatusCode::FOUND, &answer, &Filler::default()).unwrap().unwrap();
            let mut names: Vec<_> = next.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["accept", "user-agent", "x-kept"], "{elsewhere}");
            assert!(!next.url.as_str().contains('@'));
        }
    }

    #[test]
    fn what_is_no_redirect_is_the_answer() {
        let first = message(&request("https://a/")).unwrap();
        let answer = |location: &'static str| HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
        assert!(first.redirected(StatusCode::OK, &answer("/x"), &Filler::default()).unwrap().is_none());
        assert!(first.redirected(StatusCode::FOUND, &HeaderMap::new(), &Filler::default()).unwrap().is_none());
        assert!(first.redirected(StatusCode::FOUND, &answer("file:///etc/shadow"), &Filler::default()).is_err());
        assert!(first.redirected(StatusCode::FOUND, &answer("http://["), &Filler::default()).is_err());
    }
}
