//! Delivers nothing; tells in its receipt what it was given.

vigie_test_guests::world!("notifier-plugin");

struct Guest;

impl lifecycle::Guest for Guest {
    fn init(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl notifier::Guest for Guest {
    fn notify(notification: notifier::Notification) -> Result<notifier::Receipt, Error> {
        if notification.alerts.is_empty() {
            return Err(Error { fault: Fault::Permanent, message: "nothing to tell".into(), retry_after_ms: None });
        }
        let rules: Vec<&str> = notification.alerts.iter().map(|alert| alert.rule.as_str()).collect();
        let details = vec![("rules".into(), rules.join(",")), ("attempt".into(), notification.attempt.to_string())];
        Ok(notifier::Receipt { reference: format!("sent-{}", notification.id), details })
    }
}
