//! One module a part: the text of the kernel's files in, families out. Nothing here reads a file.

pub(crate) mod cpu;
pub(crate) mod diskstats;
pub(crate) mod filesystem;
pub(crate) mod loadavg;
pub(crate) mod meminfo;
pub(crate) mod netdev;
pub(crate) mod netstat;
pub(crate) mod pressure;
pub(crate) mod sockstat;
pub(crate) mod stat;
pub(crate) mod uname;
pub(crate) mod vmstat;
