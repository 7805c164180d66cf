//! Secrets filled in where their placeholders stand, and taken out again of what comes back.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::refusal::Refusal;
use crate::config::Secret;

/// The longest placeholder, in bytes.
const PLACEHOLDER_BYTES_MAX: usize = 128;
/// Shorter secrets are not taken out of answers: they would be found everywhere.
const REDACTED_BYTES_MIN: usize = 4;
/// What stands in an answer instead of a secret.
const REDACTED: &str = "[secret]";

/// How a secret is written where its placeholder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// As within a JSON string.
    Json,
    /// Percent-encoded.
    Url,
    /// `user:` and the secret in base64.
    Basic,
}

/// A secret to be filled in, as the plugin asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The text that stands for it.
    pub placeholder: String,
    /// Its name.
    pub secret: String,
    /// How it is written.
    pub encoding: Encoding,
    /// The user's name, for [`Encoding::Basic`].
    pub user: String,
}

impl Fill {
    /// Whether it can be done.
    ///
    /// # Errors
    /// The placeholder is empty or too long, or the user's name has a colon.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.placeholder.is_empty() || self.placeholder.len() > PLACEHOLDER_BYTES_MAX {
            let name = &self.secret;
            let message = format!("the placeholder for `{name}` is empty or longer than {PLACEHOLDER_BYTES_MAX} bytes");
            return Err(Refusal::permanent(message));
        }
        if self.encoding == Encoding::Basic && self.user.contains(':') {
            return Err(Refusal::permanent(format!("the user for `{}` has a colon, which ends a user's name", self.secret)));
        }
        Ok(())
    }
}

/// Secrets ready to be filled in. It does not show itself.
#[derive(Default)]
pub(super) struct Filler(Vec<Filling>);

struct Filling {
    placeholder: String,
    text: String,
    /// The secret as an answer may echo it.
    echoes: Vec<String>,
}

impl Filler {
    /// Adds a secret.
    pub(super) fn add(&mut self, fill: &Fill, secret: &Secret) {
        let secret = secret.expose();
        let json = serde_json::to_string(secret).unwrap_or_default();
        let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
        let basic = BASE64_STANDARD.encode(format!("{}:{secret}", fill.user));
        let url = percent_encode(secret);
        let text = match fill.encoding {
            Encoding::Plain => secret.to_owned(),
            Encoding::Json => json.clone(),
            Encoding::Url => url.clone(),
            Encoding::Basic => basic.clone(),
        };
        let echoes = [secret.to_owned(), json, url, basic].into_iter().filter(|echo| echo.len() >= REDACTED_BYTES_MIN);
        self.0.push(Filling { placeholder: fill.placeholder.clone(), text, echoes: echoes.collect() });
    }

    /// The template with all placeholders filled in; `None` where there are none in it. What was filled in is not searched again.
    pub(super) fn fill(&self, template: &[u8]) -> Option<Vec<u8>> {
        let pairs: Vec<_> = self.0.iter().map(|filling| (filling.placeholder.as_bytes(), filling.text.as_bytes())).collect();
        replace(template, &pairs)
    }

    /// The same for text.
    pub(super) fn fill_text(&self, template: &str) -> Option<String> {
        // Texts with texts filled in are text.
        self.fill(template.as_bytes()).and_then(|filled| String::from_utf8(filled).ok())
    }

    /// An answer without the secrets that it echoes.
    pub(super) fn redact<'a>(&self, answer: &'a [u8]) -> Cow<'a, [u8]> {
        let echoes = self.0.iter().flat_map(|filling| &filling.echoes);
        let pairs: Vec<_> = echoes.map(|echo| (echo.as_bytes(), REDACTED.as_bytes())).collect();
        replace(answer, &pairs).map_or(Cow::Borrowed(answer), Cow::Owned)
    }

    /// The same for text.
    pub(super) fn redact_text(&self, answer: &str) -> String {
        String::from_utf8_lossy(&self.redact(answer.as_bytes())).into_owned()
    }
}

impl fmt::Debug for Filler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filler({} secrets)", self.0.len())
    }
}

/// Replaces in one pass, at each place the longest that fits; `None` where nothing fits anywhere.
fn replace(text: &[u8], pairs: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
    let mut begins = [false; 256];
    for (from, _) in pairs {
        begins[usize::from(*from.first()?)] = true;
    }
    let mut replaced: Option<Vec<u8>> = None;
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let fits = || pairs.iter().filter(|(from, _)| rest.starts_with(from)).max_by_key(|(from, _)| from.len());
        match begins[usize::from(rest[0])].then(fits).flatten() {
            Some((from, to)) => {
                let out = replaced.get_or_insert_default();
                out.extend_from_slice(&text[copied..at]);
                out.extend_from_slice(to);
                at += from.len();
                copied = at;
            }
            None => at += 1,
        }
    }
    if let Some(out) = &mut replaced {
        out.extend_from_slice(&text[copied..]);
    }
    replaced
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::SecretReference;

    fn secret(text: &str) -> Secret {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        SecretReference::File(file.path().to_owned()).read().unwrap()
    }

    fn filler(fills: &[(&str, Encoding, &str)]) -> Filler {
        let mut filler = Filler::default();
        for (placeholder, encoding, text) in fills {
            let (placeholder, encoding) = ((*placeholder).to_owned(), *encoding);
            filler.add(&Fill { placeholder, secret: "s".into(), encoding, user: "me".into() }, &secret(text));
        }
        filler
    }

    #[test]
    fn a_secret_is_written_as_its_place_needs_it() {
        for (encoding, expected) in [
            (Encoding::Plain, "x=a\"b c/ü"),
            (Encoding::Json, "x=a\\\"b c/ü"),
            (Encoding::Url, "x=a%22b%20c%2F%C3%BC"),
            (Encoding::Basic, "x=bWU6YSJiIGMvw7w="),
        ] {
            assert_eq!(filler(&[("$T", encoding, "a\"b c/ü")]).fill_text("x=$T").unwrap(), expected);
        }
    }

    #[test]
    fn what_was_filled_in_is_not_searched_again_and_the_longest_placeholder_wins() {
        let filler = filler(&[("$A", Encoding::Plain, "1$B"), ("$B", Encoding::Plain, "2$A"), ("$AB", Encoding::Plain, "3")]);
        assert_eq!(filler.fill_text("$A $B $AB $A$B").unwrap(), "1$B 2$A 3 1$B2$A");
        assert_eq!(filler.fill_text("nothing"), None);
        assert_eq!(Filler::default().fill(b"$A"), None);
    }

    #[test]
    fn an_echoed_secret_is_taken_out_in_every_encoding() {
        let filler = filler(&[("$T", Encoding::Plain, "a b/c\"d")]);
        let answer = "a b/c\"d, a%20b%2Fc%22d, a b/c\\\"d, bWU6YSBiL2MiZA==";
        assert_eq!(filler.redact_text(answer), "[secret], [secret], [secret], [secret]");
        assert_eq!(format!("{filler:?}"), "Filler(1 secrets)");
    }

    proptest! {
        #[test]
        fn filling_is_replacing(text in "[ab$T]{0,20}") {
            let filled = filler(&[("$T", Encoding::Plain, "secret")]).fill_text(&text).unwrap_or_else(|| text.clone());
            prop_assert_eq!(filled, text.replace("$T", "secret"));
        }
    }
}
