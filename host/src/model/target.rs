//! What is observed.

use serde::{Deserialize, Serialize};

use super::label::Labels;
use super::name::TargetName;

/// The thing that a collector or health check looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Unique within its plugin; becomes the label `instance`. `None` for the machine itself: then it is the hostname.
    pub name: Option<TargetName>,
    /// The plugin's to interpret: a URL, `host:port`, empty for the machine itself.
    pub address: String,
    /// Laid on everything that is collected from it.
    pub labels: Labels,
}
