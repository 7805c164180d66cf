//! Opening a granted path such that what is opened is known before it is touched: by handle first, checked, then for reading.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, fstatfs, openat, openat2, readlinkat, statat};
use rustix::io::Errno;

use super::super::refusal::Refusal;
use crate::plugin::grants::{Grants, PathGlob, Whereabouts};

/// `PROC_SUPER_MAGIC`.
const PROC_MAGIC: u64 = 0x9fa0;
/// `SYSFS_MAGIC`.
const SYSFS_MAGIC: u64 = 0x6265_6572;
/// Links on the way to one file: as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// What is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// Follows a path to a handle that can only be looked at.
pub(super) type Follow = fn(&str) -> Result<OwnedFd, Errno>;

/// Opens a granted path for reading.
///
/// # Errors
/// Not there, of another kind, or a link leads out of the grants.
pub(super) fn open(grants: &Grants, path: &str, kind: Kind, follow: Follow) -> Result<OwnedFd, Refusal> {
    let place = own_proc(path);
    // Without opening: a device may act on being opened, a pipe may wait.
    let handle = follow(&place).map_err(|error| failed("open", path, error))?;
    check_place(grants, path, &place, &handle, kind)?;
    check_kind(path, &handle, kind)?;
    let directory = if kind == Kind::Directory { OFlags::DIRECTORY } else { OFlags::empty() };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | directory;
    openat(CWD, format!("/proc/self/fd/{}", handle.as_raw_fd()), flags, Mode::empty())
        .map_err(|error| failed("open", path, error))
}

/// `/proc/net` and `/proc/mounts` lead through `/proc/self`: the host goes straight to its own process.
fn own_proc(path: &str) -> String {
    let own = |rest: &str| format!("/proc/{}{rest}", std::process::id());
    let below = |directory: &str| path.strip_prefix(directory).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (below("/proc/self"), below("/proc/net"), below("/proc/mounts")) {
        (Some(rest), _, _) => own(rest),
        (_, Some(_), _) | (_, _, Some(_)) => own(&path["/proc".len()..]),
        _ => path.to_owned(),
    }
}

/// Lets the kernel follow all links but magic ones; where it cannot (before Linux 5.6, or forbidden by a sandbox), the host does.
pub(super) fn by_kernel(place: &str) -> Result<OwnedFd, Errno> {
    match openat2(CWD, place, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS) {
        Err(Errno::NOSYS | Errno::PERM) => by_host(place),
        other => other,
    }
}

/// Follows a path name by name, and every link but those on a proc file system: there a link may lead anywhere.
pub(super) fn by_host(place: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let root = || openat(CWD, "/", flags | OFlags::DIRECTORY, Mode::empty());
    let mut ahead: Vec<String> = place.rsplit('/').map(str::to_owned).collect();
    let mut at = root()?;
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name.is_empty() || name == "." {
            continue;
        }
        let next = openat(&at, &name, flags, Mode::empty())?;
        if file_type(&next)? != FileType::Symlink {
            at = next;
            continue;
        }
        links += 1;
        if links > LINKS_MAX || is_on(&next, PROC_MAGIC)? {
            return Err(Errno::LOOP);
        }
        let target = readlinkat(&next, "", Vec::new())?.into_string().map_err(|_| Errno::ILSEQ)?;
        if target.starts_with('/') {
            at = root()?;
        }
        ahead.extend(target.rsplit('/').map(str::to_owned));
    }
    Ok(at)
}

/// Whether the place that was opened is granted too.
fn check_place(grants: &Grants, path: &str, place: &str, handle: &OwnedFd, kind: Kind) -> Result<(), Refusal> {
    let real = readlinkat(CWD, format!("/proc/self/fd/{}", handle.as_raw_fd()), Vec::new());
    let real = real.map_err(|error| failed("open", path, error))?;
    let Ok(real) = real.to_str() else {
        return Err(Refusal::permanent(format!("`{path}` leads to a name that is no UTF-8")));
    };
    let on = |magic| is_on(handle, magic).map_err(|error| failed("open", path, error));
    let whereabouts = if on(PROC_MAGIC)? { Whereabouts::Proc } else { Whereabouts::ByName };
    let globs = &grants.granted().files;
    let fits = |glob: &PathGlob, path: &str| match kind {
        Kind::File => glob.matches(path, whereabouts),
        Kind::Directory => glob.lists(path),
    };
    let by_path = |glob: &&PathGlob| fits(glob, path);
    let granted = if real == place {
        // The host's own process has another name than the path says.
        place != path || globs.iter().any(|glob| fits(glob, path))
    } else if real.starts_with("/sys/") && path.starts_with("/sys/") && on(SYSFS_MAGIC)? {
        globs.iter().filter(by_path).any(|glob| !glob.is_deep() || links_on(path) <= 1)
    } else {
        globs.iter().any(|glob| fits(glob, real))
    };
    if granted { Ok(()) } else { Err(grants.deny_link(path, real).into()) }
}

/// Links among the directories and the file of a path. Links on sysfs are the kernel's alone, so nobody changes them meanwhile.
fn links_on(path: &str) -> usize {
    let ends = path.match_indices('/').map(|(index, _)| index).skip(1).chain([path.len()]);
    let is_link = |end: &usize| {
        let stat = statat(CWD, &path[..*end], AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    };
    ends.filter(is_link).count()
}

fn check_kind(path: &str, handle: &OwnedFd, kind: Kind) -> Result<(), Refusal> {
    let found = file_type(handle).map_err(|error| failed("open", path, error))?;
    match (kind, found) {
        (Kind::File, FileType::RegularFile) | (Kind::Directory, FileType::Directory) => Ok(()),
        (Kind::File, FileType::Directory) => Err(Refusal::permanent(format!("`{path}` is a directory, use `entries`"))),
        (Kind::File, _) => Err(Refusal::permanent(format!("`{path}` is no regular file, only those are read"))),
        (Kind::Directory, _) => Err(Refusal::permanent(format!("`{path}` is no directory"))),
    }
}

fn file_type(handle: &OwnedFd) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(fstat(handle)?.st_mode))
}

fn is_on(handle: &OwnedFd, magic: u64) -> Result<bool, Errno> {
    Ok(u64::try_from(fstatfs(handle)?.f_type).is_ok_and(|found| found == magic))
}

/// The guest's error for one of the system's.
pub(super) fn failed(what: &str, path: &str, error: Errno) -> Refusal {
    match error {
        Errno::NOENT | Errno::NOTDIR => Refusal::permanent(format!("`{path}` is not there")),
        Errno::ACCESS | Errno::PERM => Refusal::permanent(format!("the host's user may not {what} `{path}`")),
        Errno::LOOP => Refusal::permanent(format!("`{path}` leads through a link that is not followed")),
        error => Refusal::transient(format!("cannot {what} `{path}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_through_self_is_taken_from_the_hosts_own_process() {
        let own = |rest| format!("/proc/{}/{rest}", std::process::id());
        assert_eq!(own_proc("/proc/net/dev"), own("net/dev"));
        assert_eq!(own_proc("/proc/mounts"), own("mounts"));
        assert_eq!(own_proc("/proc/self/stat"), own("stat"));
        for other in ["/proc/stat", "/proc/network", "/proc/selfish", "/proc/1/net/dev", "/etc/proc/net"] {
            assert_eq!(own_proc(other), other);
        }
    }
}
