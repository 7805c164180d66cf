//! What a plugin's manifest requests. A call needs the request and the operator's grant.

use std::collections::BTreeSet;

use super::glob::PathGlob;
use super::granted::{FREE, GRANTS_MAX};
use super::origin::OriginGrant;

/// The capabilities that a manifest may request.
const CAPABILITIES: [&str; 7] = ["files", "http", "metrics", "net", "reveal", "secrets", "system"];

/// What is wrong with a manifest's requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No such capability.
    #[error("unknown capability `{0}`, known are {known}", known = CAPABILITIES.map(|name| format!("`{name}`")).join(", "))]
    Capability(String),
    /// The scope is none of this capability.
    #[error("scope of a request for `{capability}`: {message}")]
    Scope {
        /// The capability.
        capability: String,
        /// What is wrong and what fixes it.
        message: String,
    },
    /// Over the bound.
    #[error("{0} requests are more than {GRANTS_MAX}, use wildcards")]
    Many(usize),
}

/// Scopes of one capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes<T> {
    /// Whatever the operator grants: the scope `*`, or none.
    Any,
    /// These.
    Of(Vec<T>),
}

impl<T> Default for Scopes<T> {
    fn default() -> Self {
        Self::Of(Vec::new())
    }
}

impl<T> Scopes<T> {
    /// Whether `fits` holds for one of them.
    pub fn any(&self, fits: impl FnMut(&T) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Of(scopes) => scopes.iter().any(fits),
        }
    }

    fn add(&mut self, scope: T) {
        if let Self::Of(scopes) = self {
            scopes.push(scope);
        }
    }
}

/// All that one manifest requests. The default is nothing: a component without a manifest gets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Origins; the scope `target` or `targets` are those of the targets.
    pub http: Scopes<OriginGrant>,
    /// Paths.
    pub files: Scopes<PathGlob>,
    /// Names of secrets to be filled in.
    pub secrets: Scopes<String>,
    /// Names of secrets to be shown to the plugin.
    pub reveal: Scopes<String>,
    /// Capabilities without scopes: `system`, `metrics`, `net`.
    pub whole: BTreeSet<String>,
}

impl Requests {
    /// Reads the pairs of capability and scope of a manifest's `requests`.
    ///
    /// # Errors
    /// An unknown capability, or a scope that is none of it.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, RequestError> {
        let mut requests = Self::default();
        for (count, (capability, scope)) in pairs.into_iter().enumerate() {
            if count >= GRANTS_MAX {
                return Err(RequestError::Many(count + 1));
            }
            requests.add(capability, scope)?;
        }
        Ok(requests)
    }

    fn add(&mut self, capability: &str, scope: &str) -> Result<(), RequestError> {
        let wrong = |message: String| RequestError::Scope { capability: capability.to_owned(), message };
        let any = matches!(scope, "" | "*");
        match capability {
            "http" if any => self.http = Scopes::Any,
            "http" if scope == "target" => self.http.add(OriginGrant::Targets),
            "http" => self.http.add(OriginGrant::parse(scope).map_err(|error| wrong(error.to_string()))?),
            "files" if any => self.files = Scopes::Any,
            "files" => self.files.add(PathGlob::parse(scope).map_err(|error| wrong(error.to_string()))?),
            "secrets" if any => self.secrets = Scopes::Any,
            "secrets" => self.secrets.add(scope.to_owned()),
            "reveal" if any => self.reveal = Scopes::Any,
            "reveal" => self.reveal.add(scope.to_owned()),
            "system" | "metrics" | "net" => {
                self.whole.insert(capability.to_owned());
            }
            free if FREE.contains(&free) => {}
            other => return Err(RequestError::Capability(other.to_owned())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::grants::glob::Whereabouts;

    #[test]
    fn requests_are_read_by_capability() {
        let requests =
            Requests::parse([("http", "target"), ("files", "/proc/stat"), ("secrets", "*"), ("system", ""), ("log", "")])
                .unwrap();
        assert_eq!(requests.http, Scopes::Of(vec![OriginGrant::Targets]));
        assert!(requests.files.any(|glob| glob.matches("/proc/stat", Whereabouts::ByName)));
        assert!(requests.secrets.any(|_| false), "`*` is any secret that is granted");
        assert!(!requests.reveal.any(|_| true), "what is not requested is not there");
        assert!(requests.whole.contains("system"));
    }

    #[test]
    fn what_cannot_be_requested_says_why() {
        for (capability, scope, expected) in [
            (
                "https",
                "",
                "unknown capability `https`, known are `files`, `http`, `metrics`, `net`, `reveal`, `secrets`, `system`",
            ),
            ("files", "proc", "scope of a request for `files`: `proc` is no absolute path, begin it with `/`"),
            (
                "http",
                "shop",
                "scope of a request for `http`: `shop` is no origin, write scheme, host and port as in `https://shop.example:443`",
            ),
        ] {
            assert_eq!(Requests::parse([(capability, scope)]).unwrap_err().to_string(), expected);
        }
    }
}
