//! What a plugin may do: the manifest's requests joined with the operator's grants.

/// The capabilities of one plugin.
#[derive(Clone, Debug, Default)]
pub struct Grants {}
