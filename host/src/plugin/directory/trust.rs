//! Who may write a plugin's files: whoever may, decides what the host runs.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Who we are, and which groups are nobody else's.
#[derive(Debug)]
pub(super) struct Owners {
    user: u32,
    passwd: String,
    group: String,
}

impl Default for Owners {
    /// Those of this process and machine.
    fn default() -> Self {
        Self {
            user: rustix::process::geteuid().as_raw(),
            passwd: std::fs::read_to_string("/etc/passwd").unwrap_or_default(),
            group: std::fs::read_to_string("/etc/group").unwrap_or_default(),
        }
    }
}

impl Owners {
    /// Refuses what others than root and our user may write.
    pub(super) fn check(&self, path: &Path, facts: &Metadata) -> Result<(), String> {
        let (path, mode) = (path.display(), facts.mode() & 0o7777);
        if facts.uid() != 0 && facts.uid() != self.user {
            let (owner, user) = (facts.uid(), self.user);
            return Err(format!(
                "`{path}` belongs to user {owner}, neither to root nor to user {user} who runs vigie: change its owner"
            ));
        }
        let group_may = mode & 0o020 != 0 && !self.is_private(facts.gid());
        if mode & 0o002 != 0 || group_may {
            return Err(format!(
                "`{path}` may be written by others (mode {mode:04o}), who could plant code: run `chmod go-w '{path}'`"
            ));
        }
        Ok(())
    }

    /// Refuses a file that is reached over a link into a directory that others may write. The outer error is the system's.
    pub(super) fn check_links(&self, path: &Path) -> io::Result<Result<(), String>> {
        let real = std::fs::canonicalize(path)?;
        match real.parent() {
            Some(parent) => Ok(self.check(parent, &std::fs::metadata(parent)?)),
            None => Ok(Ok(())),
        }
    }

    /// Whether a group has no members but root and our user, as the private groups have that many systems give their users.
    fn is_private(&self, gid: u32) -> bool {
        let ours = |user: &str| user.parse() == Ok(0) || user.parse() == Ok(self.user);
        let users: Vec<Vec<&str>> = self.passwd.lines().map(|line| line.split(':').collect()).collect();
        let has_gid = |gid_field: Option<&&str>| gid_field.is_some_and(|field| field.parse() == Ok(gid));
        let foreign_primary = users.iter().any(|user| has_gid(user.get(3)) && !user.get(2).is_some_and(|uid| ours(uid)));
        let named_ours =
            |name: &str| users.iter().any(|user| user.first() == Some(&name) && user.get(2).is_some_and(|uid| ours(uid)));
        let group = self.group.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|group| has_gid(group.get(2)));
        let members =
            group.as_ref().and_then(|group| group.get(3)).map(|members| members.split(',').filter(|name| !name.is_empty()));
        // A group that is not in the file may have any members.
        !foreign_primary && members.is_some_and(|mut members| members.all(named_ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_private_when_nobody_else_is_in_it() {
        let owners = Owners {
            user: 1000,
            passwd: "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\nbob:x:1001:1001::/:\neve:x:1002:1003::/:\n".into(),
            group: "root:x:0:\nann:x:1000:\nteam:x:1001:ann,bob\nmine:x:1002:ann,root\nshared:x:1003:ann\n".into(),
        };
        for (gid, private) in [(0, true), (1000, true), (1001, false), (1002, true), (1003, false), (1004, false)] {
            assert_eq!(owners.is_private(gid), private, "group {gid}");
        }
    }
}
