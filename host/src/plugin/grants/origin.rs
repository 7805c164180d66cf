//! Origins: scheme, host and port, exact or with a wildcard for what stands before a suffix.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The longest text that is looked at as an origin or a target's URL, in bytes.
const ORIGIN_BYTES_MAX: usize = 8192;

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// No URL, or one that is not of HTTP.
    #[error("`{0}` is no origin, write scheme, host and port as in `https://shop.example:443`")]
    Form(String),
    /// A path, query, fragment or user.
    #[error("`{0}` is more than an origin, leave out what is not scheme, host and port")]
    More(String),
    /// A wildcard elsewhere than as `*.` before a domain.
    #[error("`{0}` has a wildcard that is not `*.` before a domain, as in `https://*.shop.example:443`")]
    Wildcard(String),
    /// A socket.
    #[error("`{0}`: sockets of `http+unix:` come with a later version")]
    Socket(String),
}

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// How.
    pub scheme: Scheme,
    /// To whom: a lower-case domain without a trailing dot, or an address.
    pub host: Host<String>,
    /// The TCP port.
    pub port: u16,
}

impl Origin {
    /// The origin of a URL, as every browser reads it: `http://0x7f.1` is `http://127.0.0.1:80`.
    ///
    /// # Errors
    /// It is no absolute URL of HTTP or HTTPS.
    pub fn parse(url: &str) -> Result<Self, OriginError> {
        if url.starts_with("http+unix:") {
            return Err(OriginError::Socket(shown(url)));
        }
        if url.len() > ORIGIN_BYTES_MAX {
            return Err(OriginError::Form(shown(url)));
        }
        Url::parse(url).ok().as_ref().and_then(Self::of).ok_or_else(|| OriginError::Form(shown(url)))
    }

    /// The origin of a parsed URL; `None` for other schemes than HTTP and HTTPS.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let host = match url.host()? {
            Host::Domain(domain) => Host::Domain(domain.strip_suffix('.').unwrap_or(domain).to_owned()),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        };
        if matches!(&host, Host::Domain(domain) if domain.is_empty()) {
            return None;
        }
        Some(Self { scheme, host, port: url.port_or_known_default()? })
    }

    /// The address that the host is, where it is no domain.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// What the header `host` says: without the scheme's own port.
    #[must_use]
    pub fn authority(&self) -> String {
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => self.host.to_string(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

/// Origins that are granted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// This one.
    Exact(Origin),
    /// Those whose domain ends in a dot and this origin's domain.
    Below(Origin),
}

impl OriginPattern {
    /// Reads `https://shop.example:443` or `https://*.shop.example:443`; the scheme's own port may be left out.
    ///
    /// # Errors
    /// It is no origin, or more than one.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let wildcard = text.split_once("://*.").map(|(scheme, rest)| format!("{scheme}://{rest}"));
        let plain = wildcard.as_deref().unwrap_or(text);
        if plain.contains('*') {
            return Err(OriginError::Wildcard(shown(text)));
        }
        let origin = Origin::parse(plain).map_err(|error| match error {
            OriginError::Form(_) => OriginError::Form(shown(text)),
            other => other,
        })?;
        let url = Url::parse(plain).map_err(|_| OriginError::Form(shown(text)))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::More(shown(text)));
        }
        match (wildcard.is_some(), origin.address()) {
            (false, _) => Ok(Self::Exact(origin)),
            (true, None) => Ok(Self::Below(origin)),
            (true, Some(_)) => Err(OriginError::Wildcard(shown(text))),
        }
    }

    /// Whether `origin` is among them.
    #[must_use]
    pub fn covers(&self, origin: &Origin) -> bool {
        match self {
            Self::Exact(own) => own == origin,
            Self::Below(own) => match (&own.host, &origin.host) {
                (Host::Domain(suffix), Host::Domain(domain)) => {
                    let below = domain.strip_suffix(suffix.as_str()).and_then(|rest| rest.strip_suffix('.'));
                    own.scheme == origin.scheme && own.port == origin.port && below.is_some_and(|label| !label.is_empty())
                }
                _ => false,
            },
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(origin) => origin.fmt(f),
            Self::Below(origin) => write!(f, "{}://*.{}:{}", origin.scheme.as_str(), origin.host, origin.port),
        }
    }
}

/// One entry of a list of origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginGrant {
    /// As written.
    Pattern(OriginPattern),
    /// `targets`: those of the plugin's targets whose address is a URL.
    Targets,
}

/// How far an origin is covered. A name that the operator wrote may be of a private address; what a wildcard stands for may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// By a wildcard.
    Wildcard,
    /// By its own name or address.
    Named,
}

impl OriginGrant {
    /// Reads an origin, a wildcard or the word `targets`.
    ///
    /// # Errors
    /// It is none of them.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "targets" { Ok(Self::Targets) } else { OriginPattern::parse(text).map(Self::Pattern) }
    }

    /// Whether and how `origin` is covered, where `targets` are the origins of the plugin's targets.
    #[must_use]
    pub fn cover(&self, origin: &Origin, targets: &[Origin]) -> Option<Cover> {
        match self {
            Self::Targets => targets.contains(origin).then_some(Cover::Named),
            Self::Pattern(pattern) if !pattern.covers(origin) => None,
            Self::Pattern(OriginPattern::Exact(_)) => Some(Cover::Named),
            Self::Pattern(OriginPattern::Below(_)) => Some(Cover::Wildcard),
        }
    }
}

impl fmt::Display for OriginGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Targets => f.write_str("targets"),
        }
    }
}

/// A text as an error shows it: short, in one line, without a user's name or password.
fn shown(text: &str) -> String {
    let text = match (text.find("://"), text.find('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", &text[..scheme], &text[at..]),
        _ => text.to_owned(),
    };
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_makes_of_a_url() {
        for (url, expected) in [
            ("https://Shop.Example/health?x#y", "https://shop.example:443"),
            ("http://shop.example.:8080", "http://shop.example:8080"),
            ("http://0x7f.1", "http://127.0.0.1:80"),
            ("http://2852039166/", "http://169.254.169.254:80"),
            ("https://[::FFFF:1.2.3.4]:1", "https://[::ffff:102:304]:1"),
            ("https://müller.example", "https://xn--mller-kva.example:443"),
            ("http://user:pass@shop.example\\@evil.example", "http://shop.example:80"),
        ] {
            assert_eq!(Origin::parse(url).unwrap().to_string(), expected, "{url}");
        }
        for bad in
            ["", "shop.example", "ftp://shop.example", "http://", "file:///etc/shadow", "http://.", "//shop", "http://a b/"]
        {
            assert!(Origin::parse(bad).is_err(), "`{bad}` was taken");
        }
    }

    #[test]
    fn a_pattern_covers_itself_or_what_is_below_it_and_nothing_else() {
        for (pattern, origin, covered) in [
            ("https://shop.example", "https://shop.example:443/x", true),
            ("https://shop.example:443", "https://SHOP.example", true),
            ("https://shop.example", "http://shop.example", false),
            ("https://shop.example", "https://shop.example:8443", false),
            ("https://shop.example", "https://a.shop.example", false),
            ("https://*.shop.example", "https://a.shop.example", true),
            ("https://*.shop.example", "https://a.b.shop.example", true),
            ("https://*.shop.example", "https://shop.example", false),
            ("https://*.shop.example", "https://evilshop.example", false),
            ("https://*.shop.example", "https://.shop.example", false),
            ("https://*.shop.example", "https://a.shop.example.evil.example", false),
            ("https://*.shop.example", "https://a.shop.example:444", false),
            ("http://127.0.0.1:80", "http://localhost", false),
            ("http://127.0.0.1:80", "http://0177.0.0.1", true),
        ] {
            let pattern = OriginPattern::parse(pattern).unwrap();
            assert_eq!(pattern.covers(&Origin::parse(origin).unwrap()), covered, "{pattern} {origin}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, expected) in [
            ("shop.example", "`shop.example` is no origin, write scheme, host and port as in `https://shop.example:443`"),
            (
                "https://shop.example/health",
                "`https://shop.example/health` is more than an origin, leave out what is not scheme, host and port",
            ),
            (
                "https://u:secret@shop.example",
                "`https://…@shop.example` is more than an origin, leave out what is not scheme, host and port",
            ),
            ("https://*", "`https://*` has a wildcard that is not `*.` before a domain, as in `https://*.shop.example:443`"),
            (
                "https://*.10.0.0.1",
                "`https://*.10.0.0.1` has a wildcard that is not `*.` before a domain, as in `https://*.shop.example:443`",
            ),
            ("http+unix:/run/docker.sock", "`http+unix:/run/docker.sock`: sockets of `http+unix:` come with a later version"),
        ] {
            assert_eq!(OriginPattern::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
