//! The real binary in a temporary directory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::client::Api;

/// A directory for one host: `plugins/` and `data/`.
pub struct Home {
    dir: TempDir,
}

/// A running host. Dropping it kills it.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// A client of it.
    pub api: Api,
}

impl Home {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("plugins")).unwrap();
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn plugins(&self) -> PathBuf {
        self.dir.path().join("plugins")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Lays a component into the plugin directory, whole at once.
    pub fn component(&self, name: &str, from: &Path) -> &Self {
        let part = self.plugins().join(format!(".{name}.part"));
        std::fs::copy(from, &part).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        std::fs::rename(part, self.plugins().join(format!("{name}.wasm"))).unwrap();
        self
    }

    /// Writes a plugin's configuration, whole at once.
    pub fn config(&self, name: &str, text: &str) -> &Self {
        let part = self.plugins().join(format!(".{name}.part"));
        std::fs::write(&part, text).unwrap();
        std::fs::rename(part, self.plugins().join(format!("{name}.toml"))).unwrap();
        self
    }

    /// Removes a plugin's files.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.plugins().join(format!("{name}.wasm"))).unwrap();
        let _ = std::fs::remove_file(self.plugins().join(format!("{name}.toml")));
    }

    /// Starts the host and waits until it says where it listens.
    pub fn start(&self) -> Running {
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = match lines.next() {
                Some(line) => line.unwrap(),
                None => panic!("the host ended: {:?}\n{}", child.wait(), said.join("\n")),
            };
            if let Some(at) = line.find("http://127.0.0.1:") {
                let rest = &line[at + "http://".len()..];
                break rest.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).next().unwrap().to_owned();
            }
            said.push(line);
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Running { child, api: Api::new(&address), address }
    }

    /// `vigie run` in this home, on any free port.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("run").args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
        command.arg("--plugins").arg(self.plugins()).arg("--data-dir").arg(self.data());
        command.current_dir(self.path());
        command
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits for it.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shipped plugin's component, as `cargo xtask test` has built it.
pub fn shipped(name: &str) -> PathBuf {
    built("VIGIE_PLUGINS_BUILT", name)
}

/// A component of an example in another language; `None` where its toolchain is missing and may be.
pub fn foreign(name: &str) -> Option<PathBuf> {
    std::env::var_os("VIGIE_FOREIGN_DIR").map(|dir| Path::new(&dir).join(format!("{name}.wasm")))
}

fn built(variable: &str, name: &str) -> PathBuf {
    let dir = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set, run `cargo xtask test`"));
    let file = Path::new(&dir).join(format!("{name}.wasm"));
    assert!(file.is_file(), "{} is missing, run `cargo xtask test`", file.display());
    file
}
