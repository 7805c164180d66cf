//! The only module that knows every part: build, wire, run, shut down.
