//! What is to be delivered: a projection from alert events to one delivery per receiver, until its result is recorded.
//!
//! Nothing is forgotten between an alert's event and the result: after a kill the journal gives the same deliveries again, with
//! the same ids. So a receiver is told at least once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backoff::retry_at;
use crate::event::{AlertChange, Delivery, Event, Fault, PluginFacts};
use crate::model::{EventId, Fingerprint, Name, NotifiedState, PluginName, Receipt, Timestamp};

/// Deliveries that may wait for one receiver. Beyond it the oldest is given up: with an event, and counted.
pub const WAITING_MAX: usize = 10_000;

/// References of earlier deliveries that are remembered for one receiver. Beyond it those of some alert are forgotten, whose next
/// notification then comes without [`crate::model::Notification::previous`].
pub const REFERENCES_MAX: usize = 10_000;

/// The role of the plugins that are receivers.
const NOTIFIER: &str = "notifier";

/// Names a delivery, the same for every attempt: the alert's event and the receiver, written `epoch-offset/receiver`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotificationId {
    /// The event that is told of.
    pub event: EventId,
    /// The notifier plugin.
    pub receiver: PluginName,
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.event, self.receiver)
    }
}

impl FromStr for NotificationId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || format!("`{text}` is no notification id, write `epoch-offset/receiver` as in `1-42/webhook`");
        let (event, receiver) = text.split_once('/').ok_or_else(refuse)?;
        Ok(Self { event: event.parse().map_err(|_| refuse())?, receiver: Name::new(receiver).map_err(|_| refuse())? })
    }
}

/// Names an alert.
type AlertKey = (PluginName, String, Fingerprint);

fn alert_key(change: &AlertChange) -> AlertKey {
    (change.plugin.clone(), change.rule.clone(), change.fingerprint)
}

/// One delivery that is not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Firing or resolved.
    pub state: NotifiedState,
    /// The alert's step that is told of.
    pub change: AlertChange,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// Attempts whose result is recorded.
    pub attempts: u32,
    /// When it is tried (again).
    pub due_at: Timestamp,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// What waits for one receiver, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Queue {
    waiting: BTreeMap<EventId, Waiting>,
    /// What the receiver called the last delivery for an alert that fires.
    references: BTreeMap<AlertKey, String>,
}

/// A delivery whose turn it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Due<'a> {
    /// Its name.
    pub id: NotificationId,
    /// What is to be told.
    pub waiting: &'a Waiting,
    /// What the receiver called the last delivery for this alert.
    pub previous: Option<&'a str>,
}

impl Due<'_> {
    /// The number of the attempt that is to be made, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.waiting.attempts.saturating_add(1)
    }

    /// The event to record when the receiver took it.
    #[must_use]
    pub fn sent(&self, took: Duration, receipt: &Receipt) -> Event {
        Event::NotificationSent(Delivery { reference: receipt.reference.clone(), ..self.delivery(took) })
    }

    /// The event to record when the attempt failed at `now`: it says when it is tried again.
    #[must_use]
    pub fn failed(&self, now: Timestamp, took: Duration, fault: Fault, error: String, retry_after: Option<Duration>) -> Event {
        let retry_at = retry_at(&self.id, self.attempt(), self.waiting.created_at, now, fault, retry_after);
        Event::NotificationFailed { delivery: self.delivery(took), error, retry_at }
    }

    fn delivery(&self, took: Duration) -> Delivery {
        Delivery {
            notification: self.id.to_string(),
            receiver: self.id.receiver.clone(),
            attempt: self.attempt(),
            alerts: vec![self.id.event],
            reference: String::new(),
            took,
        }
    }
}

/// All deliveries that are not done. Receivers are the notifier plugins that were loaded and not removed; each is told
/// of every alert that fires when it comes, and of every one from then on. Save and restore it with serde (postcard; its maps have keys that JSON cannot have).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deliveries {
    receivers: BTreeMap<PluginName, Queue>,
    /// The alerts that fire, with the event that said so: a receiver that comes later is told of them.
    firing: BTreeMap<AlertKey, (EventId, AlertChange)>,
    given_up: u64,
}

impl Deliveries {
    /// What must be recorded because of an event: deliveries that are given up, since their receiver is gone or too much waits
    /// for it. To be asked before the event is applied.
    #[must_use]
    pub fn decide(&self, event: &Event) -> Vec<Event> {
        match event {
            Event::AlertFired(_) | Event::AlertResolved(_) => {
                let full = self.receivers.iter().filter(|(_, queue)| queue.waiting.len() >= WAITING_MAX);
                let error = format!("more than {WAITING_MAX} notifications wait for the receiver, the oldest is given up");
                full.filter_map(|(receiver, queue)| queue.all(receiver).next()).map(|due| due.given_up(&error)).collect()
            }
            Event::PluginStopped { plugin, reason } if reason == "removed" => self.give_up(plugin),
            Event::PluginLoaded(facts) if !is_notifier(facts) => self.give_up(&facts.plugin),
            _ => Vec::new(),
        }
    }

    /// Takes an event into account, the driver's own ones too (once more does no harm).
    pub fn apply(&mut self, id: EventId, at: Timestamp, event: &Event) {
        match event {
            Event::PluginLoaded(facts) if is_notifier(facts) => self.load(&facts.plugin, at),
            Event::PluginLoaded(PluginFacts { plugin, .. }) => self.remove(plugin),
            Event::PluginStopped { plugin, reason } if reason == "removed" => self.remove(plugin),
            Event::AlertFired(change) => {
                self.firing.insert(alert_key(change), (id, change.clone()));
                self.enqueue(id, at, NotifiedState::Firing, change);
            }
            Event::AlertResolved(change) => {
                self.firing.remove(&alert_key(change));
                self.enqueue(id, at, NotifiedState::Resolved, change);
            }
            Event::NotificationSent(delivery) => self.sent(delivery),
            Event::NotificationFailed { delivery, error, retry_at } => self.failed(delivery, error, *retry_at),
            _ => {}
        }
    }

    /// Whose turn it is at `now`, the longest due first: of each alert and receiver only the oldest, so that none hears of an end
    /// before it heard of the beginning. What is in flight is among them.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<Due<'_>> {
        let mut due: Vec<_> = self.heads().filter(|due| due.waiting.due_at <= now).collect();
        due.sort_by(|a, b| (a.waiting.due_at, &a.id).cmp(&(b.waiting.due_at, &b.id)));
        due
    }

    /// When the next delivery is due: in the past where one is due now, `None` where none waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.heads().map(|due| due.waiting.due_at).min()
    }

    /// How many wait for each receiver.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<PluginName, usize> {
        self.receivers.iter().map(|(receiver, queue)| (receiver.clone(), queue.waiting.len())).collect()
    }

    /// The receivers: one that is no longer configured is to be recorded as removed.
    pub fn receivers(&self) -> impl Iterator<Item = &PluginName> {
        self.receivers.keys()
    }

    /// How many deliveries were given up, ever.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    fn heads(&self) -> impl Iterator<Item = Due<'_>> {
        self.receivers.iter().flat_map(|(receiver, queue)| {
            let mut alerts = BTreeSet::new();
            let heads = queue.waiting.iter().filter(move |(_, waiting)| {
                let AlertChange { plugin, rule, fingerprint, .. } = &waiting.change;
                alerts.insert((plugin, rule, fingerprint))
            });
            heads.map(move |(event, waiting)| queue.due(receiver, *event, waiting))
        })
    }

    fn give_up(&self, receiver: &PluginName) -> Vec<Event> {
        let queue = self.receivers.get(receiver).into_iter();
        queue.flat_map(|queue| queue.all(receiver)).map(|due| due.given_up("the receiver is removed")).collect()
    }

    /// A new receiver is told what fires. For one that is known, what waited is tried at once: the new version or configuration
    /// may be what it waited for.
    fn load(&mut self, receiver: &PluginName, at: Timestamp) {
        let Some(queue) = self.receivers.get_mut(receiver) else {
            let waiting = |change: &AlertChange| Waiting {
                state: NotifiedState::Firing,
                change: change.clone(),
                created_at: at,
                attempts: 0,
                due_at: at,
                error: None,
            };
            let firing = self.firing.values().map(|(id, change)| (*id, waiting(change))).take(WAITING_MAX);
            let queue = Queue { waiting: firing.collect(), ..Queue::default() };
            self.receivers.insert(receiver.clone(), queue);
            return;
        };
        for waiting in queue.waiting.values_mut() {
            waiting.due_at = waiting.due_at.min(at);
        }
    }

    fn remove(&mut self, receiver: &PluginName) {
        if let Some(queue) = self.receivers.remove(receiver) {
            self.given_up += queue.waiting.len() as u64;
        }
    }

    fn enqueue(&mut self, id: EventId, at: Timestamp, state: NotifiedState, change: &AlertChange) {
        for queue in self.receivers.values_mut() {
            if queue.waiting.len() >= WAITING_MAX {
                queue.waiting.pop_first();
                self.given_up += 1;
            }
            let change = change.clone();
            queue.waiting.insert(id, Waiting { state, change, created_at: at, attempts: 0, due_at: at, error: None });
        }
    }

    fn sent(&mut self, delivery: &Delivery) {
        let Some((queue, event)) = self.find(delivery) else { return };
        let Some(waiting) = queue.waiting.remove(&event) else { return };
        let key = alert_key(&waiting.change);
        if waiting.state == NotifiedState::Resolved || delivery.reference.is_empty() {
            queue.references.remove(&key);
            return;
        }
        if queue.references.len() >= REFERENCES_MAX {
            queue.references.pop_first();
        }
        queue.references.insert(key, delivery.reference.clone());
    }

    fn failed(&mut self, delivery: &Delivery, error: &str, retry_at: Option<Timestamp>) {
        let Some((queue, event)) = self.find(delivery) else { return };
        let Some(due_at) = retry_at else {
            let was_waiting = queue.waiting.remove(&event).is_some();
            self.given_up += u64::from(was_waiting);
            return;
        };
        if let Some(waiting) = queue.waiting.get_mut(&event) {
            (waiting.attempts, waiting.due_at, waiting.error) = (delivery.attempt, due_at, Some(error.into()));
        }
    }

    fn find(&mut self, delivery: &Delivery) -> Option<(&mut Queue, EventId)> {
        let id: NotificationId = delivery.notification.parse().ok()?;
        Some((self.receivers.get_mut(&id.receiver)?, id.event))
    }
}

impl Queue {
    /// All that waits, oldest first.
    fn all<'a>(&'a self, receiver: &'a PluginName) -> impl Iterator<Item = Due<'a>> {
        self.waiting.iter().map(|(event, waiting)| self.due(receiver, *event, waiting))
    }

    fn due<'a>(&'a self, receiver: &PluginName, event: EventId, waiting: &'a Waiting) -> Due<'a> {
        let previous = self.references.get(&alert_key(&waiting.change)).map(String::as_str);
        Due { id: NotificationId { event, receiver: receiver.clone() }, waiting, previous }
    }
}

impl Due<'_> {
    fn given_up(&self, error: &str) -> Event {
        Event::NotificationFailed { delivery: self.delivery(Duration::ZERO), error: error.into(), retry_at: None }
    }
}

fn is_notifier(facts: &PluginFacts) -> bool {
    facts.roles.iter().any(|role| role == NOTIFIER)
}

#[cfg(test)]
mod tests;
