//! A shutdown signal for listeners and connections.

use tokio::sync::watch;

/// The stages of a shutdown, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Shutdown {
    /// No shutdown.
    #[default]
    None,
    /// Accept nothing new, and finish what is in flight.
    Graceful,
    /// End at once.
    Now,
}

/// The sending side of a shutdown signal.
#[derive(Debug)]
pub struct ShutdownSwitch(watch::Sender<Shutdown>);

/// The receiving side of a shutdown signal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(watch::Receiver<Shutdown>);

/// A new shutdown signal.
pub fn shutdown_signal() -> (ShutdownSwitch, ShutdownSignal) {
    let (sender, receiver) = watch::channel(Shutdown::None);
    (ShutdownSwitch(sender), ShutdownSignal(receiver))
}

impl ShutdownSwitch {
    /// Advances to a stage. Does nothing if the signal has passed the stage.
    pub fn advance(&self, stage: Shutdown) {
        self.0.send_if_modified(|current| {
            let is_later = stage > *current;
            if is_later {
                *current = stage;
            }
            is_later
        });
    }

    /// A further receiving side.
    pub fn signal(&self) -> ShutdownSignal {
        ShutdownSignal(self.0.subscribe())
    }
}

impl ShutdownSignal {
    /// The present stage.
    pub fn stage(&self) -> Shutdown {
        *self.0.borrow()
    }

    /// Returns when the signal has reached `stage`, or its switch was dropped.
    pub async fn reached(&mut self, stage: Shutdown) {
        let _ = self.0.wait_for(|current| *current >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::{Duration, timeout};

    use super::{Shutdown, shutdown_signal};

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn stages_are_reached_in_order_and_never_undone() {
        let (switch, mut signal) = shutdown_signal();
        assert_eq!(signal.stage(), Shutdown::None);
        assert!(timeout(MOMENT, signal.reached(Shutdown::Graceful)).await.is_err());
        switch.advance(Shutdown::Graceful);
        signal.reached(Shutdown::Graceful).await;
        assert!(timeout(MOMENT, signal.reached(Shutdown::Now)).await.is_err());
        switch.advance(Shutdown::Now);
        switch.advance(Shutdown::Graceful);
        assert_eq!((signal.stage(), switch.signal().stage()), (Shutdown::Now, Shutdown::Now));
        signal.reached(Shutdown::Graceful).await;
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_switch_ends_the_wait() {
        let (switch, mut signal) = shutdown_signal();
        let mut waiting = pin!(signal.reached(Shutdown::Now));
        assert!(timeout(MOMENT, waiting.as_mut()).await.is_err());
        drop(switch);
        waiting.await;
    }
}
