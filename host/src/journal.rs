//! The journal: segments of checked frames, group commit, recovery, tail, readers, snapshots, retention.
