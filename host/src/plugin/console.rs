//! A guest's standard output and error: split into lines for the plugin's log, each line cut, the last ones kept for traps.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::plugin::log::{Level, MESSAGE_BYTES_MAX, Stream, clean};
use crate::plugin::shared::Shared;

/// Lines of standard error shown with a trap.
pub(crate) const TAIL_LINES_MAX: usize = 40;
/// What a guest may write at once.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// The last lines that a guest wrote to its standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// Forgets the lines of an earlier call.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The lines, oldest first.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock();
        if lines.len() == TAIL_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(clean(line, MESSAGE_BYTES_MAX));
    }
}

/// One of a guest's output streams. Clones write to the same lines.
#[derive(Clone)]
pub(crate) struct Console {
    shared: Arc<Shared>,
    stream: Stream,
    tail: Option<Tail>,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Console {
    /// A stream into the plugin's log, and into `tail`.
    #[must_use]
    pub(crate) fn new(shared: Arc<Shared>, stream: Stream, tail: Option<Tail>) -> Self {
        Self { shared, stream, tail, line: Arc::default() }
    }

    /// Takes bytes; whole lines leave at once, an overlong line in pieces.
    fn take(&self, bytes: &[u8]) {
        let mut line = self.line.lock();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(MESSAGE_BYTES_MAX) {
                line.extend_from_slice(part);
                if line.ends_with(b"\n") || line.len() >= MESSAGE_BYTES_MAX {
                    self.write(&line);
                    line.clear();
                }
            }
        }
    }

    /// What stands in the line so far, where no more will come.
    fn flush_line(&self) {
        let mut line = self.line.lock();
        if !line.is_empty() {
            self.write(&line);
            line.clear();
        }
    }

    fn write(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return;
        }
        if let Some(tail) = &self.tail {
            tail.push(text);
        }
        let level = if self.stream == Stream::Stderr { Level::Warn } else { Level::Info };
        self.shared.log.write(level, self.stream, text, &[]);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if Arc::strong_count(&self.line) == 1 {
            self.flush_line();
        }
    }
}

impl IsTerminal for Console {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Console {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Console {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Console {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Console {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
