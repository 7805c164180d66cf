//! What a plugin may do: the manifest's requests joined with the operator's grants. A call needs both; everything else is a
//! denial that says which line would change it.

pub mod glob;
pub mod granted;
pub mod origin;
pub mod request;

pub use glob::{PathGlob, Whereabouts};
pub use granted::{Granted, MetricsGrant};
pub use origin::{Cover, Origin, OriginGrant};
pub use request::Requests;

use crate::model::{Labels, PluginName, Target};

/// What of a scope is shown, in characters.
const SHOWN_CHARS_MAX: usize = 512;

/// Why a capability call is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{capability} `{scope}` is denied: {hint}")]
pub struct Denied {
    /// The capability.
    pub capability: &'static str,
    /// What was asked for.
    pub scope: String,
    /// Why, and the exact line that would allow it.
    pub hint: String,
}

impl Denied {
    fn new(capability: &'static str, scope: &str, hint: impl Into<String>) -> Self {
        Self { capability, scope: scope.chars().take(SHOWN_CHARS_MAX).collect(), hint: hint.into() }
    }

    /// Denies what the manifest does not request; no grant helps.
    #[must_use]
    pub fn unrequested(capability: &'static str, scope: &str) -> Self {
        let hint = format!("the plugin's manifest does not request it, only its author can add `{capability}` to `requests`");
        Self::new(capability, scope, hint)
    }
}

/// The capabilities of one plugin. The default is none.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    plugin: Option<PluginName>,
    granted: Granted,
    requests: Requests,
    targets: Vec<Origin>,
}

impl Grants {
    /// What `PLUGIN.toml` grants joined with what the manifest requests; the addresses of `targets` that are URLs are what both call
    /// `targets`.
    #[must_use]
    pub fn new(plugin: PluginName, granted: Granted, requests: Requests, targets: &[Target]) -> Self {
        let targets = targets.iter().filter_map(|target| Origin::parse(&target.address).ok()).collect();
        Self { plugin: Some(plugin), granted, requests, targets }
    }

    /// What the operator grants.
    #[must_use]
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// What the manifest requests.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Lets pass whoever may read the file at a canonical path.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn file(&self, path: &str) -> Result<(), Denied> {
        self.path(path, |glob| glob.matches(path, Whereabouts::ByName))
    }

    /// Lets pass whoever may list the directory at a canonical path.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn directory(&self, path: &str) -> Result<(), Denied> {
        self.path(path, |glob| glob.lists(path))
    }

    fn path(&self, path: &str, fits: impl Fn(&PathGlob) -> bool) -> Result<(), Denied> {
        if !self.requests.files.any(&fits) {
            return Err(Denied::unrequested("files", path));
        }
        if !self.granted.files.iter().any(fits) {
            return Err(self.ungranted("files", path, &self.granted.line_with_files(&[path])));
        }
        Ok(())
    }

    /// Whether the listing of a directory shows a name.
    #[must_use]
    pub fn shows(&self, directory: &str, name: &str) -> bool {
        let shows = |glob: &PathGlob| glob.shows(directory, name);
        self.requests.files.any(shows) && self.granted.files.iter().any(shows)
    }

    /// Denies a granted path from which a link leads to one that is not.
    #[must_use]
    pub fn deny_link(&self, path: &str, real: &str) -> Denied {
        let line = self.granted.line_with_files(&[path, real]);
        Denied::new("files", path, format!("it leads to `{real}`, which is not granted, {}", self.write(&line)))
    }

    /// Lets pass whoever may send a request to an origin, and says how it is covered.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn http(&self, origin: &Origin) -> Result<Cover, Denied> {
        if !self.requests.http.any(|scope| scope.cover(origin, &self.targets).is_some()) {
            return Err(Denied::unrequested("http", &origin.to_string()));
        }
        let cover = self.cover(&self.granted.http, origin);
        cover.ok_or_else(|| self.ungranted("http", &origin.to_string(), &self.granted.line_with_http(origin)))
    }

    /// Denies an address to which the name of a granted origin leads; what it is, and the origin to grant, say why and what else.
    #[must_use]
    pub fn deny_address(&self, origin: &Origin, what: &str, grant: &Origin) -> Denied {
        let line = self.granted.line_with_http(grant);
        Denied::new("http", &origin.to_string(), format!("it leads to {what}, {}", self.write(&line)))
    }

    /// Lets pass whoever may have a secret filled into a request to an origin.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn secret(&self, name: &str, origin: &Origin) -> Result<(), Denied> {
        if !self.requests.secrets.any(|scope| scope == name) {
            return Err(Denied::unrequested("secrets", name));
        }
        let granted = self.granted.secrets.get(name).and_then(|origins| self.cover(origins, origin));
        let scope = || format!("{name} for {origin}");
        granted.map(|_| ()).ok_or_else(|| self.ungranted("secrets", &scope(), &self.granted.line_with_secret(name, origin)))
    }

    /// Lets pass whoever may see a secret in the clear.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn reveal(&self, name: &str) -> Result<(), Denied> {
        if !self.requests.reveal.any(|scope| scope == name) {
            return Err(Denied::unrequested("reveal", name));
        }
        if !self.granted.reveal.contains(name) {
            return Err(self.ungranted("reveal", name, &self.granted.line_with_reveal(name)));
        }
        Ok(())
    }

    /// Lets pass whoever may ask about the machine.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn system(&self, function: &'static str) -> Result<(), Denied> {
        if !self.requests.whole.contains("system") {
            return Err(Denied::unrequested("system", function));
        }
        if !self.granted.system {
            return Err(self.ungranted("system", function, "system = true"));
        }
        Ok(())
    }

    /// Lets pass whoever may read stored series; which, [`Grants::sees`] says.
    ///
    /// # Errors
    /// Without request or grant.
    pub fn metrics(&self, expression: &str) -> Result<(), Denied> {
        if !self.requests.whole.contains("metrics") {
            return Err(Denied::unrequested("metrics", expression));
        }
        if self.granted.metrics == MetricsGrant::None {
            return Err(self.ungranted("metrics", expression, "metrics = true"));
        }
        Ok(())
    }

    /// Whether a stored series may be read.
    #[must_use]
    pub fn sees(&self, labels: &Labels) -> bool {
        match &self.granted.metrics {
            MetricsGrant::None => false,
            MetricsGrant::All => true,
            MetricsGrant::Selectors(selectors) => selectors.iter().any(|selector| selector.matches(labels)),
        }
    }

    /// How the operator's grants of `http` cover an origin, whatever is requested.
    #[must_use]
    pub fn cover_of(&self, origin: &Origin) -> Option<Cover> {
        self.cover(&self.granted.http, origin)
    }

    fn cover(&self, grants: &[OriginGrant], origin: &Origin) -> Option<Cover> {
        grants.iter().filter_map(|grant| grant.cover(origin, &self.targets)).max()
    }

    /// Denies what the operator has not granted; `line` would.
    #[must_use]
    pub fn ungranted(&self, capability: &'static str, scope: &str, line: &str) -> Denied {
        Denied::new(capability, scope, format!("it is not granted, {}", self.write(line)))
    }

    fn write(&self, line: &str) -> String {
        let file = self.plugin.as_ref().map_or("NAME", PluginName::as_str);
        format!("write `{line}` under `[grants]` in {file}.toml")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The capabilities of a plugin `test` with the grants of a TOML text and the requests of pairs.
    pub(crate) fn grants(granted: &str, requests: &[(&str, &str)]) -> Grants {
        let granted = granted::tests::parse(granted).unwrap();
        let requests = Requests::parse(requests.iter().copied()).unwrap();
        let target =
            Target { name: None, address: "https://target.example/health".into(), labels: crate::model::Labels::default() };
        Grants::new(PluginName::new("test").unwrap(), granted, requests, &[target])
    }

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap()
    }

    #[test]
    fn a_call_needs_request_and_grant() {
        let unrequested = "the plugin's manifest does not request it, only its author can add `http` to `requests`";
        for (granted, requests, expected) in [
            ("", &[][..], Err(unrequested)),
            ("http = [\"https://shop.example\"]", &[], Err(unrequested)),
            ("http = [\"https://shop.example\"]", &[("http", "target")], Err(unrequested)),
            (
                "",
                &[("http", "*")],
                Err("it is not granted, write `http = [\"https://shop.example:443\"]` under `[grants]` in test.toml"),
            ),
            (
                "http = [\"targets\"]",
                &[("http", "*")],
                Err(
                    "it is not granted, write `http = [\"targets\", \"https://shop.example:443\"]` under `[grants]` in test.toml",
                ),
            ),
            ("http = [\"https://shop.example\"]", &[("http", "*")], Ok(Cover::Named)),
            ("http = [\"https://*.example\"]", &[("http", "https://shop.example")], Ok(Cover::Wildcard)),
        ] {
            let answer = grants(granted, requests).http(&origin("https://shop.example"));
            assert_eq!(answer.map_err(|denied| denied.hint), expected.map_err(str::to_owned), "{granted} {requests:?}");
        }
    }

    #[test]
    fn a_targets_origin_is_named_by_the_operator() {
        let grants = grants("http = [\"targets\"]", &[("http", "target")]);
        assert_eq!(grants.http(&origin("https://target.example/other")), Ok(Cover::Named));
        assert!(grants.http(&origin("http://target.example")).is_err());
    }

    #[test]
    fn a_secret_goes_to_the_origins_it_is_granted_for() {
        let grants = grants("secrets = { a = [\"https://shop.example\"] }", &[("secrets", "*")]);
        assert_eq!(grants.secret("a", &origin("https://shop.example")), Ok(()));
        let denied = grants.secret("a", &origin("https://evil.example")).unwrap_err();
        let line = "`secrets = { a = [\"https://shop.example:443\", \"https://evil.example:443\"] }`";
        assert!(denied.hint.contains(line), "{denied}");
        assert!(grants.secret("b", &origin("https://shop.example")).is_err());
        assert!(grants.reveal("a").unwrap_err().hint.contains("does not request"), "filling in is not showing");
    }

    #[test]
    fn a_secret_is_shown_by_its_own_grant_only() {
        let requests = &[("reveal", "a")][..];
        let denied = grants("secrets = { a = [\"targets\"] }", requests).reveal("a").unwrap_err();
        assert!(denied.hint.contains("`reveal = [\"a\"]`"), "{denied}");
        assert_eq!(grants("reveal = [\"a\"]", requests).reveal("a"), Ok(()));
        assert!(grants("reveal = [\"a\", \"b\"]", requests).reveal("b").is_err());
    }

    #[test]
    fn the_machine_is_asked_with_request_and_grant() {
        assert!(grants("system = true", &[]).system("hostname").is_err());
        assert_eq!(grants("", &[("system", "")]).system("mounts").unwrap_err().scope, "mounts");
        assert_eq!(grants("system = true", &[("system", "")]).system("mounts"), Ok(()));
    }

    #[test]
    fn stored_series_are_seen_by_selector() {
        let up = Labels::from_trusted([("__name__".into(), "up".into())]);
        for (granted, requests, passes, sees) in [
            ("", &[("metrics", "")][..], false, false),
            ("metrics = true", &[], false, true),
            ("metrics = true", &[("metrics", "*")], true, true),
            ("metrics = [\"up\"]", &[("metrics", "")], true, true),
            ("metrics = [\"down\"]", &[("metrics", "")], true, false),
        ] {
            let grants = grants(granted, requests);
            assert_eq!((grants.metrics("up").is_ok(), grants.sees(&up)), (passes, sees), "{granted} {requests:?}");
        }
    }

    #[test]
    fn a_file_needs_request_and_grant() {
        for (granted, requests, allowed) in [
            ("", &[][..], false),
            ("files = [\"/proc/stat\"]", &[], false),
            ("", &[("files", "/proc/stat")], false),
            ("files = [\"/proc/stat\"]", &[("files", "/proc/*")], true),
            ("files = [\"/proc/*\"]", &[("files", "/proc/stat")], true),
            ("files = [\"/proc/*\"]", &[("files", "/proc/meminfo")], false),
            ("files = [\"/proc/stat\"]", &[("files", "*")], true),
        ] {
            assert_eq!(grants(granted, requests).file("/proc/stat").is_ok(), allowed, "{granted} {requests:?}");
        }
    }
}
