//! The machine as one collection sees it: each file is read once, however many parts want it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vigie_plugin::system::Mount;
use vigie_plugin::{Fault, Result, files, system};

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    texts: RefCell<BTreeMap<String, Result<Rc<str>>>>,
}

impl Machine {
    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Result<Rc<str>> {
        if let Some(read) = self.texts.borrow().get(path) {
            return read.clone();
        }
        let read = files::read_to_string(path).map(Rc::from);
        self.texts.borrow_mut().insert(path.to_owned(), read.clone());
        read
    }

    /// The text of a file that some kernels lack. What the operator has not granted, and what hangs, is an error all the same.
    pub(crate) fn text_if_there(&self, path: &str) -> Result<Option<Rc<str>>> {
        match self.text(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.fault, Fault::Denied | Fault::Timeout) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// What is mounted.
    pub(crate) fn mounts(&self) -> Result<Vec<Mount>> {
        system::mounts()
    }
}
