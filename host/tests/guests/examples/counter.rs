//! Counts its calls in `state`, and in its memory; tells both. The address makes it fail, trap or fill its state after it counted.

#![allow(clippy::panic, reason = "a guest that misbehaves on purpose")]

use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

vigie_test_guests::world!("collector-plugin");

struct Guest;

impl lifecycle::Guest for Guest {
    fn init(_: String) -> Result<(), Error> {
        state::set("begun", b"yes")
    }
}

impl collector::Guest for Guest {
    fn collect(target: Target) -> Result<Vec<Family>, Error> {
        let counted = state::get("calls")?.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()).unwrap_or(0_u32) + 1;
        state::set("calls", counted.to_string().as_bytes())?;
        CALLS.set(CALLS.get() + 1);
        let told = vec![told("counted", counted), told("remembered", CALLS.get())];
        match target.address.as_str() {
            "error" => {
                sink::emit(&told)?;
                Err(Error { fault: Fault::Transient, message: "after all".into(), retry_after_ms: None })
            }
            "trap" => panic!("after it counted"),
            "fill" => loop {
                let key = format!("key-{}", state::keys("key-")?.len());
                state::set(&key, &vec![0; 200_000])?;
            },
            _ => Ok(told),
        }
    }
}

fn told(name: &str, value: u32) -> Family {
    let points = Points::Numbers(vec![Point { label_values: Vec::new(), value: f64::from(value), at: None }]);
    Family { name: name.into(), kind: Kind::Gauge, unit: String::new(), help: String::new(), label_names: Vec::new(), points }
}
