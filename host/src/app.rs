//! The only module that knows every part: build, wire, run, shut down.

use crate::config::HostConfig;

/// Builds, wires and runs the host until it is asked to end.
///
/// # Errors
/// It cannot start, or failed while it ran.
pub async fn run(_config: HostConfig) -> anyhow::Result<()> {
    anyhow::bail!("the parts are not wired yet")
}
