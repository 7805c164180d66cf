//! A health check whose answer is the target's address.

#![allow(clippy::panic, reason = "a guest that misbehaves on purpose")]

vigie_test_guests::world!("health-check-plugin");

struct Guest;

impl lifecycle::Guest for Guest {
    fn init(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl health_check::Guest for Guest {
    fn check(target: Target) -> Result<health_check::Report, Error> {
        let status = match target.address.as_str() {
            "up" => health_check::Status::Up,
            "degraded" => health_check::Status::Degraded,
            "down" => health_check::Status::Down,
            "panic" => panic!("{} cannot be asked", target.name),
            _ => return Err(Error { fault: Fault::Permanent, message: "no such address".into(), retry_after_ms: None }),
        };
        let details = vec![("name".into(), target.name), ("not a name".into(), "x".into())];
        Ok(health_check::Report { status, message: "asked".into(), latency_ms: Some(12.5), details, families: Vec::new() })
    }
}
