//! Secrets: configuration names where they are, never what they are.

use std::env::VarError;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest secret that is read, in bytes: room for any key or certificate.
pub(super) const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretReference {
    /// In a variable of the host's environment.
    Environment(String),
    /// In a file, without its last line break.
    File(PathBuf),
}

impl SecretReference {
    /// A reference as in `env:NAME` or `file:/path`; a relative path begins at `base`.
    ///
    /// # Errors
    /// It is no reference. The message does not show the text, which may well be the secret itself.
    pub(super) fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let filled = |rest: &str| !rest.is_empty() && !rest.contains(['\0', '\n']);
        match text.split_once(':') {
            Some(("env", name)) if filled(name) && !name.contains('=') => Ok(Self::Environment(name.into())),
            Some(("file", path)) if filled(path) => Ok(Self::File(base.join(path))),
            _ => {
                Err("this is no reference (not shown, it may be the secret itself), a secret never stands in a configuration \
                      file: write `env:NAME` or `file:/path`"
                    .into())
            }
        }
    }

    /// Reads the secret, each time anew, so that a rotated one is taken up.
    ///
    /// # Errors
    /// The variable or file is not there, is too long, or is not UTF-8.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let fail = |reason: String| SecretError { reference: self.to_string(), reason };
        match self {
            Self::Environment(name) => std::env::var(name).map(Secret).map_err(|error| match error {
                VarError::NotPresent => fail("the variable is not set".into()),
                // The error's own text shows the value.
                VarError::NotUnicode(_) => fail("it is no UTF-8".into()),
            }),
            Self::File(path) => {
                let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
                let mut text = String::new();
                // A device or pipe has no size that tells how much comes.
                file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| fail(error.to_string()))?;
                if text.len() as u64 > SECRET_BYTES_MAX {
                    return Err(fail(format!("it has more than {SECRET_BYTES_MAX} bytes")));
                }
                let end = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
                Ok(Secret(end.to_owned()))
            }
        }
    }
}

impl fmt::Display for SecretReference {
    /// As in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Why a secret cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the secret `{reference}`: {reason}")]
pub struct SecretError {
    /// Where it should be.
    pub reference: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// A secret in the clear. It does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret as text: for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_are_taken_and_plain_values_not_shown() {
        let base = Path::new("/etc/vigie");
        let read = |text| SecretReference::parse(text, base);
        assert_eq!(read("env:TOKEN"), Ok(SecretReference::Environment("TOKEN".into())));
        assert_eq!(read("file:/run/token"), Ok(SecretReference::File("/run/token".into())));
        assert_eq!(read("file:token").unwrap().to_string(), "file:/etc/vigie/token");
        for plain in ["hunter2", "env:", "file:", "https://user:hunter2@x", "env:A=hunter2", ""] {
            assert!(!read(plain).unwrap_err().contains("hunter2"), "{plain}");
        }
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_line_break_and_hides_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "s3cret \r\n").unwrap();
        let secret = SecretReference::File(file).read().unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("s3cret ", "Secret(..)"));
        let absent = SecretReference::File(dir.path().join("absent")).read().unwrap_err();
        assert!(absent.to_string().ends_with("absent`: No such file or directory (os error 2)"), "{absent}");
    }
}
