//! Secrets that the host fills in: in texts `${secret:NAME}`, in templates `secret("NAME")`. The plugin sees placeholders only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vigie_plugin::http::{Encoding, Request};
use vigie_plugin::{Error, Result};

const BEGIN: &str = "${secret:";

/// The secrets of one request, each with its placeholder.
#[derive(Debug, Clone)]
pub struct Fills {
    prefix: String,
    /// Shared with the template's function, which must be `Sync`.
    found: Arc<Mutex<Vec<(String, Encoding)>>>,
}

impl Fills {
    /// No secrets yet. Placeholders are texts that `foreign` (what others wrote: the alerts) does not contain, so that nobody can
    /// write one into an alert.
    #[must_use]
    pub fn new(foreign: &str) -> Self {
        let mut number = 0_u32;
        let prefix = loop {
            let prefix = format!("vigie-fill-{number}-");
            if !foreign.contains(&prefix) {
                break prefix;
            }
            number += 1;
        };
        Self { prefix, found: Arc::default() }
    }

    /// The placeholder for a secret.
    #[must_use]
    pub fn placeholder(&self, secret: &str, encoding: Encoding) -> String {
        let mut found = self.found();
        let known = found.iter().position(|(name, how)| name == secret && *how == encoding);
        let at = known.unwrap_or_else(|| {
            found.push((secret.to_owned(), encoding));
            found.len() - 1
        });
        // Closed, so that the first is not the beginning of the tenth.
        format!("{}{at}-", self.prefix)
    }

    /// The text with placeholders where secrets are to stand.
    ///
    /// # Errors
    /// A place that is not closed or names nothing; `key` is where the text stood.
    pub fn replace(&self, text: &str, key: &str) -> Result<String> {
        let (mut replaced, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let closed = after.split_once('}').filter(|(name, _)| !name.is_empty());
            let (name, after) =
                closed.ok_or_else(|| Error::config(format!("`{key}`: `{text}`: write a secret as `${{secret:NAME}}`")))?;
            replaced.push_str(before);
            replaced.push_str(&self.placeholder(name, Encoding::Plain));
            rest = after;
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    fn found(&self) -> MutexGuard<'_, Vec<(String, Encoding)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the host what stands where.
    #[must_use]
    pub fn apply(&self, mut request: Request) -> Request {
        for (at, (secret, encoding)) in self.found().iter().enumerate() {
            request = request.fill(format!("{}{at}-", self.prefix), secret, *encoding);
        }
        request
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found().is_empty()
    }
}
