//! `system`: what no file tells.

mod mountinfo;
mod mounts;

use tokio::time::Instant;

use super::refusal::Refusal;
use crate::plugin::bindings::system::{Host, Mount as GuestMount};
use crate::plugin::bindings::types::Error;
use crate::plugin::data::Data;
use crate::plugin::grants::Grants;
pub use mounts::{Mount, Mounts};

impl Host for Data {
    async fn hostname(&mut self) -> Result<String, Error> {
        self.outside("system", "hostname")?;
        hostname(&self.shared.grants).map_err(|refusal| self.refuse(refusal))
    }

    async fn mounts(&mut self) -> Result<Vec<GuestMount>, Error> {
        self.outside("system", "mounts")?;
        let (shared, deadline) = (self.shared.clone(), self.capability_deadline());
        let list = mounts(&shared.grants, &shared.reach.mounts, deadline).await;
        list.map(|list| list.into_iter().map(to_guest).collect()).map_err(|refusal| self.refuse(refusal))
    }
}

fn to_guest(mount: Mount) -> GuestMount {
    let Mount { device, path, filesystem, read_only, size_bytes, free_bytes, available_bytes, files, files_free } = mount;
    GuestMount { device, path, filesystem, read_only, size_bytes, free_bytes, available_bytes, files, files_free }
}

/// The machine's name.
///
/// # Errors
/// Denied, or the name is no UTF-8.
pub fn hostname(grants: &Grants) -> Result<String, Refusal> {
    grants.system("hostname")?;
    let names = rustix::system::uname();
    let name = names.nodename().to_str().map_err(|_| Refusal::permanent("the machine's name is no UTF-8"))?;
    Ok(name.to_owned())
}

/// The mounted file systems with their sizes, as the host sees them. One that does not answer is left out.
///
/// # Errors
/// Denied, the table of mounts cannot be read, or no answer before `deadline`.
pub async fn mounts(grants: &Grants, mounts: &Mounts, deadline: Instant) -> Result<Vec<Mount>, Refusal> {
    grants.system("mounts")?;
    mounts.list(deadline).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::Fault;
    use crate::plugin::grants::tests::grants;

    #[tokio::test]
    async fn the_machine_answers_whoever_is_granted_it() {
        let granted = grants("system = true", &[("system", "")]);
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!(!hostname(&granted).unwrap().is_empty());
        let list = mounts(&granted, &Mounts::default(), deadline).await.unwrap();
        let root = list.iter().find(|mount| mount.path == "/").unwrap();
        assert!(
            root.size_bytes > 0.0 && root.free_bytes <= root.size_bytes && root.available_bytes <= root.free_bytes,
            "{root:?}"
        );
        for denied in [grants("", &[("system", "")]), grants("system = true", &[])] {
            assert_eq!(hostname(&denied).unwrap_err().fault(), Fault::Denied);
            assert_eq!(mounts(&denied, &Mounts::default(), deadline).await.unwrap_err().fault(), Fault::Denied);
        }
    }
}
