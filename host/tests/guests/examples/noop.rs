//! Does nothing, well.

vigie_test_guests::collector!(|_target| Ok(Vec::new()));
