//! Its `init` does what its configuration says.

#![allow(clippy::panic, reason = "a guest that misbehaves on purpose")]

vigie_test_guests::world!("collector-plugin");

struct Guest;

impl lifecycle::Guest for Guest {
    fn init(config: String) -> Result<(), Error> {
        match config.as_str() {
            r#"{"init":"error"}"# => {
                Err(Error { fault: Fault::Config, message: "the page `sales` does not exist".into(), retry_after_ms: None })
            }
            r#"{"init":"panic"}"# => panic!("no such page"),
            r#"{"init":"loop"}"# => loop {
                std::hint::black_box(());
            },
            _ => {
                log::write(log::Level::Info, &config, &[("stage".into(), "init".into())]);
                Ok(())
            }
        }
    }
}

impl collector::Guest for Guest {
    fn collect(_: Target) -> Result<Vec<Family>, Error> {
        Ok(Vec::new())
    }
}
