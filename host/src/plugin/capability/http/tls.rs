//! TLS: whom to trust, and what a server showed.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::super::refusal::Refusal;

/// Certificates of a chain that are told of.
const CERTIFICATES_MAX: usize = 16;
/// Names of a certificate that are told of.
const NAMES_MAX: usize = 256;

/// What a TLS server showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Domains and addresses that it is for.
    pub names: Vec<String>,
    /// From when, as Unix time in milliseconds.
    pub not_before_ms: f64,
    /// Until when, as Unix time in milliseconds.
    pub not_after_ms: f64,
    /// Of the whole certificate, in hexadecimal.
    pub sha256: String,
}

/// The operator's named TLS settings, and those for all who name none.
#[derive(Debug, Default)]
pub struct TlsProfiles {
    named: BTreeMap<String, Arc<ClientConfig>>,
    default: OnceCell<Arc<ClientConfig>>,
}

impl TlsProfiles {
    /// Profiles by name, and the default one where it is not the machine's trust.
    #[must_use]
    pub fn new(named: BTreeMap<String, Arc<ClientConfig>>, default: Option<Arc<ClientConfig>>) -> Self {
        Self { named, default: OnceCell::new_with(default) }
    }

    /// The settings of a profile; the default's are made when they are first needed.
    ///
    /// # Errors
    /// Wrong configuration: no such profile.
    pub(super) async fn get(&self, name: Option<&str>) -> Result<Arc<ClientConfig>, Refusal> {
        if let Some(name) = name {
            let found = self.named.get(name).cloned();
            return found.ok_or_else(|| {
                let known: Vec<_> = self.named.keys().map(|name| format!("`{name}`")).collect();
                let known =
                    if known.is_empty() { "there are none".to_owned() } else { format!("known are {}", known.join(", ")) };
                Refusal::config(format!("unknown tls profile `{name}`, {known}"))
            });
        }
        let made = self.default.get_or_try_init(async || match tokio::task::spawn_blocking(machine_roots).await {
            Ok(roots) => client_config(roots).map(Arc::new),
            Err(_) => Err(Refusal::transient("the host failed at reading the machine's certificates")),
        });
        made.await.cloned()
    }
}

/// The machine's own trust (`SSL_CERT_FILE`, `SSL_CERT_DIR` or the distribution's bundle); where there is none, as in an image
/// from scratch, Mozilla's as of this build.
fn machine_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let machine = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(machine.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// Settings that trust `roots`. Each handshake is a full one: it is what a check measures, and nothing is shared between plugins.
///
/// # Errors
/// Never with the versions of TLS that the provider brings.
pub(super) fn client_config(roots: RootCertStore) -> Result<ClientConfig, Refusal> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Refusal::config(format!("no TLS: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What of a server's chain can be told; what is no certificate is left out.
pub(super) fn certificates(chain: &[CertificateDer<'_>]) -> Vec<Certificate> {
    chain.iter().take(CERTIFICATES_MAX).filter_map(certificate).collect()
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^53")]
fn certificate(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(name).take(NAMES_MAX).collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    Some(Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names,
        not_before_ms: parsed.validity().not_before.timestamp() as f64 * 1e3,
        not_after_ms: parsed.validity().not_after.timestamp() as f64 * 1e3,
        sha256: digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}
