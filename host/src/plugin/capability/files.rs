//! `files`: reading granted files and listing granted directories.
//!
//! A path passes twice: as the guest wrote it, before anything is touched, and as the place that was really opened, before
//! anything is read.

mod open;

use std::os::fd::OwnedFd;

use tokio::time::Instant;

use super::blocking::Blocking;
use super::refusal::Refusal;
use crate::plugin::bindings::files::Host;
use crate::plugin::bindings::types::Error;
use crate::plugin::data::Data;
use crate::plugin::grants::{Grants, glob};
use open::Kind;

/// The largest file that is read, whatever the guest allows, in bytes.
pub const FILE_BYTES_MAX: u32 = 16 << 20;
/// Names in one listing: a machine has fewer processes.
pub const ENTRIES_MAX: usize = 1 << 16;
/// What is read at once: proc files come whole in one read if they fit.
const CHUNK_BYTES: usize = 16 << 10;

impl Host for Data {
    async fn read(&mut self, path: String, bytes_max: u32) -> Result<Vec<u8>, Error> {
        self.outside("files", &path)?;
        let (shared, deadline) = (self.shared.clone(), self.capability_deadline());
        let content = read(&shared.grants, &shared.reach.blocking, deadline, &path, bytes_max).await;
        content.map_err(|refusal| self.refuse(refusal))
    }

    async fn entries(&mut self, path: String) -> Result<Vec<String>, Error> {
        self.outside("files", &path)?;
        let (shared, deadline) = (self.shared.clone(), self.capability_deadline());
        let names = entries(&shared.grants, &shared.reach.blocking, deadline, &path).await;
        names.map_err(|refusal| self.refuse(refusal))
    }
}

/// The content of a file.
///
/// # Errors
/// Denied; not there, no regular file, longer than `bytes_max`, not readable; or no answer before `deadline`.
pub async fn read(
    grants: &Grants,
    blocking: &Blocking,
    deadline: Instant,
    path: &str,
    bytes_max: u32,
) -> Result<Vec<u8>, Refusal> {
    canonical(path)?;
    grants.file(path)?;
    let (grants, owned) = (grants.clone(), path.to_owned());
    blocking
        .run(deadline, &format!("reading `{path}`"), move || {
            let file = open::open(&grants, &owned, Kind::File, open::by_kernel)?;
            read_all(&file, &owned, bytes_max.min(FILE_BYTES_MAX), deadline)
        })
        .await?
}

/// The names in a directory, sorted, without those that the grants do not show.
///
/// # Errors
/// Denied; not there, no directory, not readable, too many names; or no answer before `deadline`.
pub async fn entries(grants: &Grants, blocking: &Blocking, deadline: Instant, path: &str) -> Result<Vec<String>, Refusal> {
    canonical(path)?;
    grants.directory(path)?;
    let (grants, owned) = (grants.clone(), path.to_owned());
    blocking
        .run(deadline, &format!("listing `{path}`"), move || {
            let directory = open::open(&grants, &owned, Kind::Directory, open::by_kernel)?;
            list(&grants, directory, &owned)
        })
        .await?
}

fn canonical(path: &str) -> Result<(), Refusal> {
    let shown = || path.chars().take(200).flat_map(char::escape_debug).collect();
    glob::split(path).map(|_| ()).map_err(|error| Refusal::permanent(error(shown()).to_string()))
}

fn read_all(file: &OwnedFd, path: &str, bytes_max: u32, deadline: Instant) -> Result<Vec<u8>, Refusal> {
    let bytes_max = bytes_max as usize;
    let mut content = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match rustix::io::read(file, &mut chunk[..]) {
            Ok(0) => return Ok(content),
            Ok(count) if content.len() + count > bytes_max => {
                return Err(Refusal::permanent(format!("`{path}` has more than the {bytes_max} bytes that may be read of it")));
            }
            Ok(count) => content.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(open::failed("read", path, error)),
        }
        if Instant::now() > deadline {
            return Err(Refusal::timeout(format!("`{path}` was not read in time")));
        }
    }
}

fn list(grants: &Grants, directory: OwnedFd, path: &str) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(directory).map_err(|error| open::failed("list", path, error))? {
        let entry = entry.map_err(|error| open::failed("list", path, error))?;
        // A name that is no UTF-8 could not be asked for.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") || !grants.shows(path, name) {
            continue;
        }
        if names.len() == ENTRIES_MAX {
            return Err(Refusal::permanent(format!("`{path}` has more than {ENTRIES_MAX} entries")));
        }
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests;
