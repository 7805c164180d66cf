//! Delivers: follows the journal, calls the notifier whose turn it is, and records what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::deliveries::{Deliveries, Due, NotificationId, Waiting};
use crate::bus::{Accept, Bus, SubmitError};
use crate::clock::Clock;
use crate::event::{ConsumerName, Event, Fault, Frame, Origin};
use crate::journal::{Item, Reader, Record};
use crate::model::{EventId, Offset, OffsetRange, PluginName, Timestamp};
use crate::plugin::caller::{self, Caller, NotCalled};
use crate::plugin::request::{Outcome, Request};

/// Notifications that are under way at one time, over all receivers.
const IN_FLIGHT_MAX: usize = 32;
/// The longest sleep without a look at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long a receiver is left alone that could not be called.
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(1);

/// A running notifier.
#[derive(Clone)]
pub struct Receiver {
    /// Calls it.
    pub caller: Arc<Caller>,
    /// Its settings as JSON.
    pub settings: Arc<str>,
    /// How long one call may take.
    pub timeout: Duration,
}

/// The running notifiers by name.
pub type Receivers = Arc<RwLock<BTreeMap<PluginName, Receiver>>>;

/// The deliveries and up to where they have taken the journal into account; locked together, so that a snapshot sees both agree.
pub type Ledger = Arc<Mutex<(Deliveries, Offset)>>;

/// Delivers notifications.
pub struct Driver {
    ledger: Ledger,
    receivers: Receivers,
    bus: Bus,
    clock: Arc<dyn Clock>,
    external_url: Arc<str>,
    synced: watch::Receiver<Offset>,
    /// Under way, until the result was read back from the journal: before that they are still due.
    in_flight: BTreeSet<NotificationId>,
    paused: BTreeMap<PluginName, Timestamp>,
    flights: JoinSet<Landed>,
}

/// One attempt's end.
struct Landed {
    id: NotificationId,
    /// The attempt was not made, or its result is not recorded: when to try again.
    pause_until: Option<Timestamp>,
}

impl Driver {
    /// A driver of these deliveries. `synced` follows the journal: nothing is told that a crash could take back.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        receivers: Receivers,
        bus: Bus,
        clock: Arc<dyn Clock>,
        external_url: Arc<str>,
        synced: watch::Receiver<Offset>,
    ) -> Self {
        let (in_flight, paused, flights) = (BTreeSet::new(), BTreeMap::new(), JoinSet::new());
        Self { ledger, receivers, bus, clock, external_url, synced, in_flight, paused, flights }
    }

    /// Delivers until `stop` turns true, then waits for what is under way; or until the journal closes.
    pub async fn run(mut self, mut reader: Reader, mut stop: watch::Receiver<bool>) {
        loop {
            self.start_due();
            tokio::select! {
                () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
                () = tokio::time::sleep(self.until_due()) => {}
                Some(landed) = self.flights.join_next() => self.land(landed),
                item = reader.next() => match item {
                    Ok(item) => if self.take(item).await.is_err() { break },
                    Err(_) => break,
                },
            }
        }
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
    }

    async fn take(&mut self, item: Item) -> Result<(), SubmitError> {
        match item {
            Item::Record(record) => self.take_record(&record).await,
            Item::Skipped(skipped) => {
                tracing::error!(from = skipped.from.0, to = skipped.to.0, "notifications lost events");
                self.ledger.lock().1 = skipped.to;
                Ok(())
            }
        }
    }

    async fn take_record(&mut self, record: &Record) -> Result<(), SubmitError> {
        for (offset, event) in record.events() {
            let decided = self.ledger.lock().0.decide(event);
            if !decided.is_empty() {
                let consumed = OffsetRange { from: self.ledger.lock().1, to: offset };
                let origin = Origin::Consumer { name: ConsumerName::Notify, consumed };
                let frame = Frame { at: self.clock.now(), origin, events: decided };
                match self.bus.submit(frame, Accept::Synced).await {
                    Err(SubmitError::Closed) => return Err(SubmitError::Closed),
                    Err(error) => tracing::error!(%error, "notifications were given up, and the journal could not record it"),
                    Ok(_) => {}
                }
            }
            let mut ledger = self.ledger.lock();
            ledger.0.apply(EventId { epoch: record.epoch, offset }, record.frame.at, event);
            ledger.1 = offset;
            drop(ledger);
            if let Event::NotificationSent(delivery) | Event::NotificationFailed { delivery, .. } = event
                && let Ok(id) = delivery.notification.parse()
            {
                self.in_flight.remove(&id);
            }
        }
        Ok(())
    }

    /// Begins what is due and can be begun.
    fn start_due(&mut self) {
        let now = self.clock.now();
        self.paused.retain(|_, until| *until > now);
        let ledger = self.ledger.lock();
        for due in ledger.0.due(now) {
            if self.in_flight.len() >= IN_FLIGHT_MAX {
                break;
            }
            let receiver = self.receivers.read().get(&due.id.receiver).cloned();
            let Some(receiver) = receiver.filter(|_| !self.paused.contains_key(&due.id.receiver)) else { continue };
            if !self.in_flight.insert(due.id.clone()) {
                continue;
            }
            let attempt = Attempt {
                id: due.id.clone(),
                waiting: due.waiting.clone(),
                previous: due.previous.map(Into::into),
                receiver,
                clock: self.clock.clone(),
                external_url: self.external_url.clone(),
            };
            self.flights.spawn(attempt.make(self.synced.clone()));
        }
    }

    fn until_due(&self) -> Duration {
        let now = self.clock.now();
        let Some(due) = self.ledger.lock().0.next_due() else { return LOOK_EVERY };
        // What is due and was not begun waits for its receiver.
        if due <= now { UNAVAILABLE_WAIT } else { due.since(now).min(LOOK_EVERY) }
    }

    fn land(&mut self, landed: Result<Landed, tokio::task::JoinError>) {
        match landed {
            Ok(Landed { id, pause_until: Some(until) }) => {
                self.paused.insert(id.receiver.clone(), until);
                self.in_flight.remove(&id);
            }
            Ok(Landed { pause_until: None, .. }) => {}
            Err(error) => {
                tracing::error!(%error, "a delivery ended abnormally");
                self.in_flight.clear();
            }
        }
    }
}

/// One attempt to deliver.
struct Attempt {
    id: NotificationId,
    waiting: Waiting,
    previous: Option<String>,
    receiver: Receiver,
    clock: Arc<dyn Clock>,
    external_url: Arc<str>,
}

impl Attempt {
    /// Waits until what is told is synced, tells it, and returns when the result is recorded.
    async fn make(self, mut synced: watch::Receiver<Offset>) -> Landed {
        if synced.wait_for(|synced| *synced >= self.id.event.offset).await.is_err() {
            return Landed { pause_until: Some(self.clock.now() + UNAVAILABLE_WAIT), id: self.id };
        }
        let due = Due { id: self.id.clone(), waiting: &self.waiting, previous: self.previous.as_deref() };
        let notification = due.notification(&self.receiver.settings, &self.external_url);
        let began = self.clock.now();
        let record = caller::Record { consumed: None, accept: Accept::Synced };
        let conclude = |outcome: &Outcome| vec![self.result(&due, outcome, began)];
        let request = Request::Notify(Box::new(notification));
        let pause_until = match self.receiver.caller.call(request, self.receiver.timeout, record, conclude).await {
            Ok(_) => None,
            Err(NotCalled::LeftAlone(until)) => Some(until),
            Err(error) => {
                tracing::warn!(notification = %self.id, %error, "a notification was not attempted");
                Some(self.clock.now() + UNAVAILABLE_WAIT)
            }
        };
        Landed { id: self.id, pause_until }
    }

    fn result(&self, due: &Due<'_>, outcome: &Outcome, began: Timestamp) -> Event {
        let now = self.clock.now();
        let took = now.since(began);
        let failed = |fault, error, retry_after| due.failed(now, took, fault, error, retry_after);
        match outcome {
            Outcome::Notified(receipt) => due.sent(took, receipt),
            Outcome::Erred { fault, message, retry_after } => failed(*fault, message.clone(), *retry_after),
            Outcome::Trapped { message, .. } => {
                failed(Fault::Transient, format!("the notifier trapped: {}", message.lines().next().unwrap_or_default()), None)
            }
            Outcome::TimedOut { bound } => failed(Fault::Timeout, format!("the notifier was stopped: {bound}"), None),
            other => failed(Fault::Permanent, format!("the notifier answered with {other:?}"), None),
        }
    }
}
