//! Interns as many series as the target's address says, once, and writes them by number in each call.

use std::cell::RefCell;

thread_local! {
    static IDS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

vigie_test_guests::collector!(|target| {
    if target.address == "unknown" {
        sink::write(&[4_000_000_000], &[1.0])?;
        return Ok(Vec::new());
    }
    if target.address == "uneven" {
        sink::write(&[0, 1], &[1.0])?;
        return Ok(Vec::new());
    }
    let count: usize = target.address.parse().unwrap_or(0);
    IDS.with_borrow_mut(|ids| {
        while ids.len() < count {
            let labels = [("shard".to_owned(), ids.len().to_string())];
            ids.push(sink::series("interned", Kind::Gauge, &labels)?);
        }
        let values: Vec<f64> = (0_u32..).take(count).map(f64::from).collect();
        sink::write(&ids[..count], &values)
    })?;
    Ok(Vec::new())
});
