//! The machine as one collection sees it: each file is read once, however many parts want it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use vigie_plugin::system::Mount;
use vigie_plugin::{Fault, Result, files, system};

/// What has been read so far in this collection, and what need not be asked for again in any.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    texts: RefCell<BTreeMap<&'static str, Result<Rc<str>>>>,
    refused: RefCell<BTreeSet<&'static str>>,
}

impl Machine {
    /// Forgets what was read: the next collection sees the machine anew.
    pub(crate) fn forget(&self) {
        self.texts.borrow_mut().clear();
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &'static str) -> Result<Rc<str>> {
        if let Some(read) = self.texts.borrow().get(path) {
            return read.clone();
        }
        let read = files::read_to_string(path).map(Rc::from);
        self.texts.borrow_mut().insert(path, read.clone());
        read
    }

    /// The text of a file that some kernels lack, and that an operator may leave out. What was refused once is not asked for
    /// again: a refusal is an event, and other grants come with another instance.
    pub(crate) fn text_if_there(&self, path: &'static str) -> Result<Option<Rc<str>>> {
        if self.refused.borrow().contains(path) {
            return Ok(None);
        }
        match self.text(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.fault == Fault::Timeout => Err(error),
            Err(error) => {
                if error.fault == Fault::Denied {
                    self.refused.borrow_mut().insert(path);
                }
                Ok(None)
            }
        }
    }

    /// What is mounted.
    pub(crate) fn mounts(&self) -> Result<Vec<Mount>> {
        system::mounts()
    }
}
