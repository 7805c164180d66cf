//! Work that may block without end (a file on a dead server, a name service that does not answer) on threads that may, with a
//! deadline for whoever waits and a bound on how much of it one plugin can have stuck.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::refusal::Refusal;

/// Blocking works of one plugin that may run, or be stuck, at once. Further ones wait until their deadline.
pub const BLOCKING_MAX: usize = 8;

/// One plugin's share of the threads that may block.
#[derive(Clone, Debug)]
pub struct Blocking(Arc<Semaphore>);

impl Default for Blocking {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BLOCKING_MAX)))
    }
}

impl Blocking {
    /// Runs `work` on a thread that may block. At the deadline the waiting ends; the work goes on until it returns, and counts as
    /// long. `what` says what was waited for, after "no answer in time".
    ///
    /// # Errors
    /// The deadline passed, or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        what: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permits = self.0.clone();
        let run = async {
            let permit = permits.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                work()
            })
            .await
        };
        match timeout_at(deadline, run).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(Refusal::transient(format!("the host failed at {what}, its log says why"))),
            Err(_) => Err(Refusal::timeout(format!("no answer in time at {what}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::event::Fault;

    #[tokio::test]
    async fn stuck_work_ends_the_waiting_at_the_deadline_and_is_bounded() {
        let blocking = Blocking::default();
        let (release, stuck) = mpsc::channel::<()>();
        let stuck = Arc::new(parking_lot::Mutex::new(stuck));
        for _ in 0..BLOCKING_MAX + 2 {
            let stuck = stuck.clone();
            let refusal = blocking.run(Instant::now(), "reading", move || stuck.lock().recv()).await.unwrap_err();
            assert_eq!(refusal, Refusal::timeout("no answer in time at reading"));
        }
        drop(release);
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        assert_eq!(blocking.run(deadline, "reading", || 1).await, Ok(1), "what came free serves again");
        let failed = blocking.run(deadline, "reading", || -> u8 { panic!("thrown") }).await;
        assert_eq!(failed.unwrap_err().fault(), Fault::Transient);
    }
}
