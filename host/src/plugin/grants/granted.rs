//! What the operator grants to a plugin: the `[grants]` table of its `NAME.toml`, parsed.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::glob::PathGlob;
use super::origin::{Origin, OriginGrant};
use crate::model::Selector;

/// Entries that one list of grants may have: more is a mistake, and each is looked at in each call.
pub const GRANTS_MAX: usize = 256;

/// Capabilities that need no grant.
pub(super) const FREE: [&str; 3] = ["log", "sink", "state"];

/// What the operator grants to one plugin. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Origins for `http`.
    pub http: Vec<OriginGrant>,
    /// Paths for `files`.
    pub files: Vec<PathGlob>,
    /// Whether `system` may be asked.
    pub system: bool,
    /// By a secret's name, the origins that it may be sent to.
    pub secrets: BTreeMap<String, Vec<OriginGrant>>,
    /// Names of secrets that the plugin may see in the clear.
    pub reveal: BTreeSet<String>,
    /// Which series may be queried.
    pub metrics: MetricsGrant,
}

/// Which series `metrics` may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MetricsGrant {
    /// None.
    #[default]
    None,
    /// Those that one of these selectors selects.
    Selectors(Vec<Selector>),
    /// All.
    All,
}

impl Granted {
    /// Adds a scope of a capability, as the operator wrote it.
    ///
    /// # Errors
    /// It is no scope of this capability, or one too many: says what would be.
    pub fn add(&mut self, capability: &str, scope: &str) -> Result<(), String> {
        let count = match capability {
            "http" => push(&mut self.http, OriginGrant::parse(scope).map_err(|error| error.to_string())?),
            "files" => push(&mut self.files, PathGlob::parse(scope).map_err(|error| error.to_string())?),
            "reveal" => {
                self.reveal.insert(scope.to_owned());
                self.reveal.len()
            }
            "metrics" => match &mut self.metrics {
                MetricsGrant::Selectors(selectors) => push(selectors, selector(scope)?),
                MetricsGrant::All => 0,
                MetricsGrant::None => {
                    self.metrics = MetricsGrant::Selectors(vec![selector(scope)?]);
                    1
                }
            },
            "system" => return Err("`system` has no scopes, write `system = true`".to_owned()),
            "secrets" => {
                return Err("a secret is granted by origin, as in `{ shop-token = [\"https://shop.example:443\"] }`".to_owned());
            }
            "net" => return Err("`net` comes with a later version, nothing can be granted yet".to_owned()),
            free if FREE.contains(&free) => return Err(format!("`{free}` needs no grant, leave it out")),
            other => return Err(format!("there is no capability `{other}`")),
        };
        bounded(count)
    }

    /// Grants a capability as a whole: `true`.
    ///
    /// # Errors
    /// The capability has scopes that must be listed.
    pub fn add_whole(&mut self, capability: &str) -> Result<(), String> {
        match capability {
            "system" => self.system = true,
            "metrics" => self.metrics = MetricsGrant::All,
            other => return Err(format!("`{other}` cannot be granted as a whole, list what is granted")),
        }
        Ok(())
    }

    /// Grants a secret for an origin, as the operator wrote it.
    ///
    /// # Errors
    /// It is no origin, or one too many.
    pub fn add_secret(&mut self, name: &str, origin: &str) -> Result<(), String> {
        let origin = OriginGrant::parse(origin).map_err(|error| error.to_string())?;
        let count = push(self.secrets.entry(name.to_owned()).or_default(), origin);
        bounded(count.max(self.secrets.len()))
    }

    /// The line that grants `origin` in addition to what is granted.
    #[must_use]
    pub fn line_with_http(&self, origin: &Origin) -> String {
        line("http", list(self.http.iter().map(ToString::to_string).chain([origin.to_string()])))
    }

    /// The line that grants `paths` in addition to what is granted.
    #[must_use]
    pub fn line_with_files(&self, paths: &[&str]) -> String {
        let new = paths.iter().filter(|path| !self.files.iter().any(|glob| glob.as_str() == **path));
        line("files", list(self.files.iter().map(ToString::to_string).chain(new.map(|path| PathGlob::escape(path)))))
    }

    /// The line that grants the secret `name` for `origin` in addition to what is granted.
    #[must_use]
    pub fn line_with_secret(&self, name: &str, origin: &Origin) -> String {
        let texts = |origins: &[OriginGrant]| origins.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut all: BTreeMap<&str, Vec<String>> =
            self.secrets.iter().map(|(name, origins)| (name.as_str(), texts(origins))).collect();
        all.entry(name).or_default().push(origin.to_string());
        let entries: Vec<String> = all.into_iter().map(|(name, origins)| line(&toml_key(name), list(origins))).collect();
        format!("secrets = {{ {} }}", entries.join(", "))
    }

    /// The line that lets the plugin see the secret `name` in addition to what is granted.
    #[must_use]
    pub fn line_with_reveal(&self, name: &str) -> String {
        line("reveal", list(self.reveal.iter().cloned().chain([name.to_owned()])))
    }
}

fn line(key: &str, value: Value) -> String {
    format!("{key} = {value}")
}

fn list(texts: impl IntoIterator<Item = String>) -> Value {
    Value::Array(texts.into_iter().map(Value::String).collect())
}

fn toml_key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_owned() } else { Value::String(name.to_owned()).to_string() }
}

fn selector(text: &str) -> Result<Selector, String> {
    let selector = Selector::parse(text).map_err(|error| error.to_string())?;
    if selector.window().is_some() {
        return Err(format!("`{text}` has a window, leave it out"));
    }
    Ok(selector)
}

fn push<T>(list: &mut Vec<T>, entry: T) -> usize {
    list.push(entry);
    list.len()
}

fn bounded(count: usize) -> Result<(), String> {
    if count > GRANTS_MAX { Err(format!("more than {GRANTS_MAX} entries, use wildcards")) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The grants of a TOML text.
    pub(crate) fn parse(text: &str) -> Result<Granted, String> {
        let mut granted = Granted::default();
        for (capability, value) in text.parse::<toml::Table>().unwrap() {
            let texts =
                |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>();
            match value {
                Value::Boolean(_) => granted.add_whole(&capability)?,
                Value::Table(table) => table.iter().try_for_each(|(name, origins)| {
                    texts(origins).iter().try_for_each(|origin| granted.add_secret(name, origin))
                })?,
                value => texts(&value).iter().try_for_each(|scope| granted.add(&capability, scope))?,
            }
        }
        Ok(granted)
    }

    #[test]
    fn a_table_of_all_grants_is_read() {
        let granted = parse(
            r#"
            http = ["https://shop.example:443", "http://*.internal:8080", "targets"]
            files = ["/proc/stat", "/sys/class/net/*/speed"]
            system = true
            secrets = { shop-token = ["https://shop.example"] }
            reveal = ["smtp-password"]
            metrics = ["up", 'node_load1{job="system"}']
            "#,
        )
        .unwrap();
        assert_eq!(granted.http.len(), 3);
        assert_eq!(granted.files[1].as_str(), "/sys/class/net/*/speed");
        assert!(granted.system);
        assert_eq!(granted.secrets["shop-token"][0].to_string(), "https://shop.example:443");
        assert!(granted.reveal.contains("smtp-password"));
        assert_eq!(
            granted.metrics,
            MetricsGrant::Selectors(vec![selector("up").unwrap(), selector("node_load1{job='system'}").unwrap()])
        );
        assert_eq!(parse("metrics = true").unwrap().metrics, MetricsGrant::All);
        assert_eq!(parse("").unwrap(), Granted::default());
    }

    #[test]
    fn what_is_no_grant_says_what_would_be() {
        for (text, expected) in [
            ("htp = [\"x\"]", "there is no capability `htp`"),
            ("log = [\"x\"]", "`log` needs no grant, leave it out"),
            ("http = true", "`http` cannot be granted as a whole, list what is granted"),
            ("net = [\"shop:25\"]", "`net` comes with a later version, nothing can be granted yet"),
            (
                "secrets = { a = [\"shop\"] }",
                "`shop` is no origin, write scheme, host and port as in `https://shop.example:443`",
            ),
            ("metrics = [\"up[5m]\"]", "`up[5m]` has a window, leave it out"),
            ("files = [\"etc\"]", "`etc` is no absolute path, begin it with `/`"),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn a_line_to_add_keeps_what_is_granted() {
        let granted =
            parse("http = [\"targets\"]\nfiles = [\"/proc/stat\"]\nsecrets = { a = [\"https://a\"] }\nreveal = [\"x\"]")
                .unwrap();
        let origin = Origin::parse("https://shop.example/health?x=1").unwrap();
        assert_eq!(granted.line_with_http(&origin), r#"http = ["targets", "https://shop.example:443"]"#);
        assert_eq!(granted.line_with_files(&["/etc/a b"]), r#"files = ["/proc/stat", "/etc/a b"]"#);
        assert_eq!(granted.line_with_reveal("y"), r#"reveal = ["x", "y"]"#);
        assert_eq!(
            granted.line_with_secret("b c", &origin),
            r#"secrets = { a = ["https://a:443"], "b c" = ["https://shop.example:443"] }"#
        );
        for line in
            [granted.line_with_http(&origin), granted.line_with_files(&["/a\"\\[x]"]), granted.line_with_secret("b c", &origin)]
        {
            assert!(parse(&line).is_ok(), "{line}");
        }
    }
}
