//! Cursors: who reads which events; feeds alerters.
