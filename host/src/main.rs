//! `vigie`: parse, build, run, report.

fn main() {}
