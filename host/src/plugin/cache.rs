//! Compiled components on disk, so that a start takes milliseconds.
//!
//! Compiled code runs with the host's rights, so a file is only trusted if it is ours: it lies in a directory that only our
//! user may enter, and a keyed hash over its name and content, with a key that only our user may read, lies beside it.
#![expect(unsafe_code, reason = "wasmtime cannot check compiled code, this module makes sure that it is its own")]

use std::fs::{self, File, OpenOptions};
use std::hash::Hash;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components kept; the ones used longest ago go first.
pub const ENTRIES_MAX: usize = 256;

const KEY_FILE: &str = "key";
const CODE: &str = "cwasm";
const SEAL: &str = "seal";

/// A directory of compiled components for one engine's configuration.
pub struct Cache {
    directory: PathBuf,
    key: [u8; 32],
    compatibility: String,
}

impl Cache {
    /// Opens (or makes) the directory.
    ///
    /// # Errors
    /// It cannot be made, belongs to another user, or its key cannot be read.
    pub fn open(directory: &Path, engine: &Engine) -> anyhow::Result<Self> {
        let place = || format!("the cache of compiled components at `{}`", directory.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(place)?;
        let metadata = fs::metadata(directory).with_context(place)?;
        anyhow::ensure!(
            metadata.uid() == rustix::process::geteuid().as_raw(),
            "{} belongs to another user, give it to ours or name another directory",
            place()
        );
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).with_context(place)?;
        }
        let key = read_or_make_key(&directory.join(KEY_FILE)).with_context(place)?;
        Ok(Self { directory: directory.to_owned(), key, compatibility: compatibility(engine) })
    }

    /// The component from disk, or else from `compile`, whose result is then kept. A file that is not as we wrote it is
    /// written again; a failure to write costs the next start time, and is logged.
    ///
    /// # Errors
    /// Those of `compile`.
    pub fn get_or_insert<E>(
        &self,
        engine: &Engine,
        digest: blake3::Hash,
        compile: impl FnOnce() -> Result<Component, E>,
    ) -> Result<Component, E> {
        let name = format!("{}-{}", digest.to_hex(), self.compatibility);
        if let Some(component) = self.get(engine, &name) {
            return Ok(component);
        }
        let component = compile()?;
        match self.insert(&name, &component) {
            Ok(()) => Ok(self.get(engine, &name).unwrap_or(component)),
            Err(error) => {
                tracing::warn!("a compiled component could not be kept: {error:#}");
                Ok(component)
            }
        }
    }

    fn get(&self, engine: &Engine, name: &str) -> Option<Component> {
        let code = self.path(name, CODE);
        let content = fs::read(&code).ok()?;
        let seal = fs::read(self.path(name, SEAL)).ok()?;
        if !self.is_sealed(name, &content, &seal) {
            tracing::warn!("`{}` is not as we wrote it and is compiled again", code.display());
            return None;
        }
        drop(content);
        // The file's time says when it was last used.
        let _ = File::open(&code).and_then(|file| file.set_modified(std::time::SystemTime::now()));
        // SAFETY: the file's content carries our seal, so this process or one like it wrote it from `Component::serialize`; the
        // directory is closed to other users, so nobody changed it since it was read above, nor will while it is mapped.
        match unsafe { Component::deserialize_file(engine, &code) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!("`{}` does not load and is compiled again: {error:#}", code.display());
                None
            }
        }
    }

    fn insert(&self, name: &str, component: &Component) -> anyhow::Result<()> {
        let content = component.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        self.make_room();
        write_whole(&self.path(name, CODE), &content)?;
        write_whole(&self.path(name, SEAL), self.seal(name, &content).as_bytes())?;
        Ok(())
    }

    fn seal(&self, name: &str, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.as_bytes()).update(&[0]).update(content).finalize()
    }

    /// Compares in constant time, as `blake3::Hash` does.
    fn is_sealed(&self, name: &str, content: &[u8], seal: &[u8]) -> bool {
        <[u8; 32]>::try_from(seal).is_ok_and(|seal| self.seal(name, content) == blake3::Hash::from_bytes(seal))
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{name}.{extension}"))
    }

    /// Removes those used longest ago. Best effort: what cannot be removed stays.
    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let is_code = |path: &Path| path.extension().is_some_and(|extension| extension == CODE);
        let mut files: Vec<_> = entries
            .flatten()
            .filter(|entry| is_code(&entry.path()))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort_unstable();
        for (_, path) in files.iter().take((files.len() + 1).saturating_sub(ENTRIES_MAX)) {
            let _ = fs::remove_file(path);
            let _ = fs::remove_file(path.with_extension(SEAL));
        }
    }
}

fn compatibility(engine: &Engine) -> String {
    struct Blake(blake3::Hasher);
    impl std::hash::Hasher for Blake {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Blake(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().to_hex()[..16].to_owned()
}

/// Writes beside and renames, so that a reader sees the whole or nothing.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    fs::rename(&beside, path)
}

fn read_or_make_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => {
            if let Ok(key) = <[u8; 32]>::try_from(bytes) {
                return Ok(key);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    write_whole(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn compiled(cache: &Cache, engine: &Engine) -> bool {
        let mut compiled = false;
        let compile = || {
            compiled = true;
            Component::from_binary(engine, EMPTY).map_err(|error| error.to_string())
        };
        cache.get_or_insert(engine, blake3::hash(EMPTY), compile).unwrap();
        compiled
    }

    fn file(directory: &Path, extension: &str) -> PathBuf {
        let mut entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
    }

    #[test]
    fn a_component_is_compiled_once_and_a_foreign_file_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let open = || Cache::open(directory.path(), &engine).unwrap();
        assert!(compiled(&open(), &engine), "the first time");
        assert!(!compiled(&open(), &engine), "from disk");
        let code = file(directory.path(), CODE);
        let mut content = fs::read(&code).unwrap();
        content[100] ^= 1;
        fs::write(&code, content).unwrap();
        assert!(compiled(&open(), &engine), "a flipped bit");
        fs::write(file(directory.path(), SEAL), b"short").unwrap();
        assert!(compiled(&open(), &engine), "a broken seal");
        fs::remove_file(directory.path().join(KEY_FILE)).unwrap();
        assert!(compiled(&open(), &engine), "another key");
        assert!(!compiled(&open(), &engine));
    }

    #[test]
    fn nobody_else_may_enter() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Cache::open(directory.path(), &Engine::default()).unwrap();
        assert_eq!(fs::metadata(directory.path()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(directory.path().join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
    }
}
