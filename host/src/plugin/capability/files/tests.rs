//! Reading and listing real files: what is granted, and what tries to get around it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::event::Fault;
use crate::plugin::grants::tests::grants;

/// A directory with its path as the kernel says it.
struct Ground {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn ground() -> Ground {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    Ground { path, _directory: directory }
}

impl Ground {
    fn file(&self, name: &str, content: &str) -> &Self {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn link(&self, name: &str, to: impl AsRef<Path>) -> &Self {
        symlink(to, self.path.join(name)).unwrap();
        self
    }

    fn at(&self, name: &str) -> String {
        self.path.join(name).to_str().unwrap().to_owned()
    }

    /// Grants and requests with `~` for the ground.
    fn grants(&self, globs: &[&str]) -> Grants {
        let globs: Vec<String> =
            globs.iter().map(|glob| format!("\"{}\"", glob.replace('~', self.path.to_str().unwrap()))).collect();
        grants(&format!("files = [{}]", globs.join(", ")), &[("files", "*")])
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Reads by both ways of following links, which must agree.
fn read_both(grants: &Grants, path: &str) -> Result<String, Refusal> {
    let read = |follow: open::Follow| {
        grants.file(path)?;
        let file = open::open(grants, path, Kind::File, follow)?;
        read_all(&file, path, 1 << 20, soon()).map(|content| String::from_utf8_lossy(&content).into_owned())
    };
    let (kernel, host) = (read(open::by_kernel), read(open::by_host));
    assert_eq!(kernel.is_ok(), host.is_ok(), "{path}");
    kernel
}

#[tokio::test]
async fn a_granted_file_is_read_and_others_are_denied() {
    let ground = ground();
    ground.file("a", "content").file("b", "secret");
    let grants = ground.grants(&["~/a"]);
    let blocking = Blocking::default();
    assert_eq!(read(&grants, &blocking, soon(), &ground.at("a"), 100).await, Ok(b"content".to_vec()));
    assert_eq!(read(&grants, &blocking, soon(), &ground.at("b"), 100).await.unwrap_err().fault(), Fault::Denied);
    assert_eq!(read(&grants, &blocking, soon(), "/etc/shadow", 100).await.unwrap_err().fault(), Fault::Denied);
    assert_eq!(read(&Grants::default(), &blocking, soon(), &ground.at("a"), 100).await.unwrap_err().fault(), Fault::Denied);
}

#[tokio::test]
async fn a_file_is_read_whole_or_not_at_all() {
    let ground = ground();
    ground.file("a", "12345");
    let (grants, blocking) = (ground.grants(&["~/a"]), Blocking::default());
    assert_eq!(read(&grants, &blocking, soon(), &ground.at("a"), 5).await, Ok(b"12345".to_vec()));
    let refusal = read(&grants, &blocking, soon(), &ground.at("a"), 4).await.unwrap_err();
    assert_eq!(refusal.to_string(), format!("`{}` has more than the 4 bytes that may be read of it", ground.at("a")));
    assert_eq!(refusal.fault(), Fault::Permanent);
}

#[tokio::test]
async fn paths_that_are_not_canonical_are_refused_before_anything_is_touched() {
    let (grants, blocking) = (grants("files = [\"/tmp/**\"]", &[("files", "*")]), Blocking::default());
    for path in
        ["/tmp/../etc/shadow", "/tmp/./a", "/tmp//a", "tmp/a", "", "/", "/tmp/a\0", &format!("/tmp/{}", "x".repeat(5000))]
    {
        assert_eq!(read(&grants, &blocking, soon(), path, 1).await.unwrap_err().fault(), Fault::Permanent, "{path}");
    }
}

#[test]
fn no_link_is_followed_out_of_a_grant() {
    let ground = ground();
    ground.file("open/a", "fine").file("closed/b", "secret").file("closed/d/c", "secret");
    ground
        .link("open/inside", "a")
        .link("open/out", "../closed/b")
        .link("open/shadow", "/etc/passwd")
        .link("open/dir", "../closed");
    ground.link("open/loop", "loop").link("open/dangling", "nowhere").link("open/chain", "inside");
    let grants = ground.grants(&["~/open/**"]);
    assert_eq!(read_both(&grants, &ground.at("open/inside")), Ok("fine".into()));
    assert_eq!(read_both(&grants, &ground.at("open/chain")), Ok("fine".into()));
    for denied in ["open/out", "open/shadow", "open/dir/b", "open/dir/d/c"] {
        assert_eq!(read_both(&grants, &ground.at(denied)).unwrap_err().fault(), Fault::Denied, "{denied}");
    }
    for absent in ["open/loop", "open/dangling", "open/a/b"] {
        assert_eq!(read_both(&grants, &ground.at(absent)).unwrap_err().fault(), Fault::Permanent, "{absent}");
    }
    let denied = read_both(&grants, &ground.at("open/out")).unwrap_err().to_string();
    let line =
        format!("`files = [\"{}\", \"{}\", \"{}\"]`", ground.at("open/**"), ground.at("open/out"), ground.at("closed/b"));
    assert!(denied.contains(&line), "{denied}");
    let both = ground.grants(&["~/open/out", "~/closed/b"]);
    assert_eq!(read_both(&both, &ground.at("open/out")), Ok("secret".into()), "both ends are granted");
}

#[test]
fn a_link_between_two_grants_still_names_a_granted_file() {
    let ground = ground();
    ground.file("a/x", "x").file("b/secret", "secret").file("b/log", "log");
    ground.link("a/to-secret", "../b/secret").link("a/to-log", "../b/log");
    let grants = ground.grants(&["~/a/*", "~/b/l*"]);
    assert_eq!(read_both(&grants, &ground.at("a/to-log")), Ok("log".into()));
    assert_eq!(read_both(&grants, &ground.at("a/to-secret")).unwrap_err().fault(), Fault::Denied);
}

#[test]
fn magic_links_are_not_followed_even_where_they_are_granted_by_name() {
    let own = std::process::id();
    for path in [format!("/proc/{own}/root/etc/passwd"), format!("/proc/{own}/cwd/Cargo.toml"), format!("/proc/{own}/exe")] {
        let grants = grants(&format!("files = [\"{path}\"]"), &[("files", "*")]);
        assert_eq!(read_both(&grants, &path).unwrap_err().fault(), Fault::Permanent, "{path}");
    }
    let ground = ground();
    ground.link("x", format!("/proc/{own}/environ")).link("self", "/proc/self").link("fd", "/dev/stdin");
    let grants = ground.grants(&["~/**", "/proc/**"]);
    for denied in ["x", "self/environ", "self/mem"] {
        assert!(read_both(&grants, &ground.at(denied)).is_err(), "{denied}");
    }
    assert!(read_both(&grants, &ground.at("fd")).is_err());
}

#[test]
fn the_kernels_own_files_are_read_as_node_exporter_reads_them() {
    let plain = grants("files = [\"/proc/stat\", \"/proc/net/*\", \"/proc/mounts\", \"/proc/self/stat\"]", &[("files", "*")]);
    for path in ["/proc/stat", "/proc/net/dev", "/proc/mounts", "/proc/self/stat"] {
        assert!(!read_both(&plain, path).unwrap().is_empty(), "{path}");
    }
    let wildcard = grants("files = [\"/proc/*/stat\", \"/proc/**\"]", &[("files", "*")]);
    assert!(!read_both(&wildcard, "/proc/1/stat").unwrap().is_empty());
    for path in ["/proc/self/stat", "/proc/1/environ", "/proc/1/root/etc/passwd"] {
        assert_eq!(read_both(&wildcard, path).unwrap_err().fault(), Fault::Denied, "{path}");
    }
}

#[tokio::test]
async fn links_of_sysfs_stay_within_sysfs() {
    let interfaces = grants("files = [\"/sys/class/net/*/mtu\"]", &[("files", "*")]);
    let blocking = Blocking::default();
    let names = entries(&interfaces, &blocking, soon(), "/sys/class/net").await.unwrap();
    for name in &names {
        let path = format!("/sys/class/net/{name}/mtu");
        if Path::new(&path).exists() {
            assert!(read_both(&interfaces, &path).unwrap().trim().parse::<u32>().is_ok(), "{path}");
        }
    }
    let deep = grants("files = [\"/sys/class/net/**\"]", &[("files", "*")]);
    if names.iter().any(|name| name == "lo") {
        assert!(read_both(&deep, "/sys/class/net/lo/mtu").is_ok(), "the way into the tree is one link");
        let around = read_both(&deep, "/sys/class/net/lo/subsystem/lo/mtu").unwrap_err();
        assert_eq!(around.fault(), Fault::Denied, "`**` does not lead around the whole of sysfs");
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_refused_at_once() {
    let ground = ground();
    ground.file("a", "");
    let pipe = ground.at("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let socket = ground.at("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let granted = ground.grants(&["~/**", "/dev/zero"]);
    for path in [&pipe, &socket, "/dev/zero", &ground.at("")[..ground.at("").len() - 1]] {
        assert_eq!(read_both(&granted, path).unwrap_err().fault(), Fault::Permanent, "{path}");
    }
    let listing = entries(&granted, &Blocking::default(), soon(), &ground.at("a")).await;
    assert_eq!(listing.unwrap_err().to_string(), format!("`{}` is no directory", ground.at("a")));
}

#[tokio::test]
async fn a_listing_is_sorted_and_shows_what_the_grants_match() {
    let ground = ground();
    ground.file("d/b", "").file("d/a", "").file("d/c.log", "").file("other/x", "");
    ground.link("link", "other");
    let blocking = Blocking::default();
    let list = async |globs: &[&str], path: &str| entries(&ground.grants(globs), &blocking, soon(), &ground.at(path)).await;
    assert_eq!(list(&["~/d"], "d").await.unwrap(), ["a", "b", "c.log"]);
    assert_eq!(list(&["~/d/*.log"], "d").await.unwrap(), ["c.log"]);
    assert_eq!(list(&["~/d/a"], "d").await.unwrap_err().fault(), Fault::Denied);
    assert_eq!(list(&["~/**"], "link").await.unwrap(), ["x"]);
    assert_eq!(list(&["~/link/*"], "link").await.unwrap_err().fault(), Fault::Denied, "the link leads out");
}

#[tokio::test]
async fn a_passed_deadline_is_a_timeout() {
    let ground = ground();
    ground.file("a", "content");
    let refusal = read(&ground.grants(&["~/a"]), &Blocking::default(), Instant::now(), &ground.at("a"), 100).await;
    assert_eq!(refusal.unwrap_err().fault(), Fault::Timeout);
}
