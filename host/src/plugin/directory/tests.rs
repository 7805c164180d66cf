//! On real files in a directory of our own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_path_buf()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Each plugin as `name: component` or `name! error`, with the directory's path cut out.
    fn scanned(&self) -> Vec<String> {
        shown(&scan(&[self.path()]), &[self])
    }
}

fn shown(scan: &Scan, folders: &[&Folder]) -> Vec<String> {
    let cut =
        |text: String| folders.iter().fold(text, |text, folder| text.replace(&format!("{}", folder.path().display()), "DIR"));
    let plugin = |(name, wanted): (&PluginName, &Wanted)| match wanted {
        Wanted::Run(desired) => format!("{name}: {}", desired.component.file_name().unwrap().display()),
        Wanted::Refused(refusal) => format!("{name}! {}", cut(refusal.error.clone())),
    };
    let problem = |problem: &DirectoryProblem| cut(format!("{}! {}", problem.directory.display(), problem.error));
    scan.plugins.iter().map(plugin).chain(scan.problems.iter().map(problem)).collect()
}

fn version(folder: &Folder, name: &str) -> Version {
    match &scan(&[folder.path()]).plugins[name] {
        Wanted::Run(desired) => desired.version,
        Wanted::Refused(refusal) => refusal.version,
    }
}

#[test]
fn components_run_with_and_without_a_file_and_other_files_are_none_of_it() {
    let folder = Folder::new(&[
        ("a.wasm", "a"),
        ("b.wasm", "b"),
        ("b.toml", "interval = '5s'"),
        (".hidden.wasm", ""),
        ("#c.toml#", ""),
        ("c.wasm.tmp", ""),
        ("c.wasm~", ""),
        (".c.wasm.swp", ""),
        ("c.wasm.part", ""),
        ("vigie.toml", ""),
        ("README", ""),
    ]);
    fs::create_dir(folder.path().join("d.wasm")).unwrap();
    assert_eq!(folder.scanned(), ["a: a.wasm", "b: b.wasm"]);
}

#[test]
fn one_component_runs_under_several_names_and_not_under_its_own_besides() {
    let folder =
        Folder::new(&[("http.wasm", "h"), ("x.toml", "component = 'http.wasm'"), ("y.toml", "component = 'http.wasm'")]);
    assert_eq!(folder.scanned(), ["x: http.wasm", "y: http.wasm"]);
    folder.write("http.toml", "");
    assert_eq!(folder.scanned(), ["http: http.wasm", "x: http.wasm", "y: http.wasm"]);
}

#[test]
fn a_wrong_file_does_not_start_the_component_that_it_names() {
    let folder = Folder::new(&[("http.wasm", "h"), ("x.toml", "component = 'http.wasm'\nintervall = '5s'")]);
    assert_eq!(folder.scanned(), ["x! DIR/x.toml:2:1: intervall: unknown setting, did you mean `interval`?"]);
}

#[test]
fn an_absent_component_is_told_with_its_path() {
    let folder = Folder::new(&[("x.toml", ""), ("y.toml", "component = 'z.wasm'")]);
    assert_eq!(folder.scanned(), ["x! `DIR/x.wasm` is not there", "y! `DIR/z.wasm` is not there"]);
    let gone = |wanted: &Wanted| matches!(wanted, Wanted::Refused(refusal) if refusal.gone);
    assert!(scan(&[folder.path()]).plugins.values().all(gone));
}

#[test]
fn a_name_in_two_directories_is_refused_naming_both() {
    let (one, two) = (Folder::new(&[("a.wasm", "1"), ("b.wasm", "1")]), Folder::new(&[("a.toml", "")]));
    let scan_both = scan(&[one.path(), two.path(), one.path()]);
    let said =
        "a! `DIR` is in `DIR` and in `DIR`, a name is in one directory only: rename or remove one".replacen("`DIR`", "`a`", 1);
    assert_eq!(shown(&scan_both, &[&one, &two]), [said, "b: b.wasm".to_owned()]);
}

#[test]
fn every_change_of_bytes_is_another_version_and_the_same_bytes_are_the_same() {
    let folder = Folder::new(&[("a.wasm", "one")]);
    let first = version(&folder, "a");
    folder.write("new.tmp", "two");
    fs::rename(folder.path().join("new.tmp"), folder.path().join("a.wasm")).unwrap();
    let renamed_over = version(&folder, "a");
    folder.write("a.wasm", "");
    let truncated = version(&folder, "a");
    folder.write("a.toml", "interval = '5s'");
    let configured = version(&folder, "a");
    let all = [first, renamed_over, truncated, configured];
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    folder.write("a.wasm", "one");
    fs::remove_file(folder.path().join("a.toml")).unwrap();
    assert_eq!(version(&folder, "a"), first);
    fs::remove_file(folder.path().join("a.wasm")).unwrap();
    assert_eq!(folder.scanned(), [""; 0]);
}

#[test]
fn what_changed_since_the_scan_is_not_loaded() {
    let folder = Folder::new(&[("a.wasm", "one")]);
    let Wanted::Run(desired) = scan(&[folder.path()]).plugins.remove("a").unwrap() else { panic!("refused") };
    assert_eq!(desired.load().unwrap(), b"one");
    folder.write("a.wasm", "two");
    assert!(desired.load().unwrap_err().contains("is being changed"));
}

#[test]
fn links_are_followed_but_not_to_where_others_write() {
    let (folder, elsewhere) = (Folder::new(&[]), Folder::new(&[("x.wasm", "x")]));
    symlink(elsewhere.path().join("x.wasm"), folder.path().join("a.wasm")).unwrap();
    assert_eq!(folder.scanned(), ["a: a.wasm"]);
    elsewhere.set_mode("", 0o777);
    let path = elsewhere.path();
    let said = format!(
        "a! `{0}` may be written by others (mode 0777), who could plant code: run `chmod go-w '{0}'`",
        path.canonicalize().unwrap().display()
    );
    assert_eq!(folder.scanned(), [said]);
    symlink("b.wasm", folder.path().join("b.wasm")).unwrap();
    assert!(folder.scanned()[1].starts_with("b! `DIR/b.wasm` cannot be read: "), "{:?}", folder.scanned());
}

#[test]
fn what_others_may_write_is_refused() {
    let folder = Folder::new(&[("a.wasm", "a"), ("b.wasm", "b")]);
    folder.set_mode("a.wasm", 0o666);
    let said = "a! `DIR/a.wasm` may be written by others (mode 0666), who could plant code: run `chmod go-w 'DIR/a.wasm'`";
    assert_eq!(folder.scanned(), [said, "b: b.wasm"]);
    folder.set_mode("", 0o1777);
    let scan_open = scan(&[folder.path()]);
    let said = "DIR! `DIR` may be written by others (mode 1777), who could plant code: run `chmod go-w 'DIR'`";
    assert_eq!(shown(&scan_open, &[&folder]), [said]);
    assert!(scan_open.is_partial());
}

#[test]
fn an_absent_directory_is_told_and_is_not_partial() {
    let folder = Folder::new(&[]);
    let scan_absent = scan(&[folder.path().join("none")]);
    assert_eq!(shown(&scan_absent, &[&folder]), ["DIR/none! No such file or directory (os error 2)"]);
    assert!(!scan_absent.is_partial());
}

#[test]
fn odd_files_cost_their_own_plugin_only() {
    let folder = Folder::new(&[("a.wasm", "a"), ("b.wasm", "b"), ("vigie.wasm", "v")]);
    fs::write(folder.path().join("b.toml"), [0xff, 0xfe]).unwrap();
    let big = fs::File::create(folder.path().join("c.wasm")).unwrap();
    big.set_len(COMPONENT_BYTES_MAX + 1).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("d.wasm"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(
        folder.scanned(),
        [
            "a: a.wasm",
            "b! `DIR/b.toml` is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0",
            "c! `DIR/c.wasm` has more than 268435456 bytes, which is the bound",
            "d! `DIR/d.wasm` is no regular file",
            "vigie! the name `vigie` is the host's own, rename the plugin",
        ]
    );
}
