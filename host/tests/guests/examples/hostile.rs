//! Attacks the host in the way that the target's address names; the address `well` behaves.

#![allow(clippy::panic, reason = "a guest that misbehaves on purpose")]

vigie_test_guests::collector!(|target| {
    match target.address.as_str() {
        "loop" => loop {
            std::hint::black_box(());
        },
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(1 << 32)),
        "allocate" => allocate(),
        "recurse" => {
            std::hint::black_box(recurse(1));
        }
        "trap" => trap(),
        "panic" => panic!("the disk is on fire"),
        "exit" => std::process::exit(3),
        "error" => return Err(error(Fault::Transient, "not today")),
        "flood-log" => (0..100_000).for_each(|at| log::write(log::Level::Error, &format!("line {at}"), &[])),
        "flood-stdout" => println_all(100_000),
        "long-line" => long_line(),
        "million-points" => return Ok(vec![gauge("many", numbers(1_000_000))]),
        "all-memory" => return Ok(vec![gauge("many", vec![huge()])]),
        "emit-million" => return emit(),
        _ => {}
    }
    Ok(vec![gauge("calm", numbers(1))])
});

#[allow(clippy::print_stdout, reason = "what is tested")]
fn println_all(lines: u32) {
    (0..lines).for_each(|at| println!("line {at}"));
}

#[allow(clippy::print_stdout, reason = "what is tested")]
fn long_line() {
    println!("{}", "x".repeat(10 << 20));
}

fn error(fault: Fault, message: &str) -> Error {
    Error { fault, message: message.into(), retry_after_ms: Some(1500.0) }
}

fn gauge(name: &str, points: Vec<Point>) -> Family {
    let points = Points::Numbers(points);
    Family {
        name: name.into(),
        kind: Kind::Gauge,
        unit: String::new(),
        help: String::new(),
        label_names: vec!["at".into()],
        points,
    }
}

fn numbers(count: u32) -> Vec<Point> {
    (0..count).map(|at| Point { label_values: vec![at.to_string()], value: 1.0, at: None }).collect()
}

fn huge() -> Point {
    Point { label_values: vec!["x".repeat(40 << 20)], value: 1.0, at: None }
}

fn emit() -> Result<Vec<Family>, Error> {
    let part = [gauge("emitted", numbers(10_000))];
    for _ in 0..100 {
        sink::emit(&part)?;
    }
    Ok(Vec::new())
}

fn allocate() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&kept);
    }
}

#[allow(unconditional_recursion, reason = "what is tested")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

#[allow(unsafe_code, reason = "what is tested")]
fn trap() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable()
}
