//! Deliveries: from the alert book to notifiers, until they are sent or given up.
