//! The signal that something ends: a node, a listener, a container.

use tokio::sync::watch;

/// Receives the signal. Clones receive the same one.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(watch::Receiver<bool>);

/// Gives the signal. Dropping it gives the signal, too.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// A trigger and its signal.
pub fn channel() -> (ShutdownTrigger, ShutdownSignal) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), ShutdownSignal(receiver))
}

impl ShutdownTrigger {
    /// Gives the signal.
    pub fn shut_down(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownSignal {
    /// Whether the signal was given.
    pub fn is_given(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns when the signal is given.
    pub async fn wait(&mut self) {
        // An error means that the trigger was dropped.
        let _ = self.0.wait_for(|is_given| *is_given).await;
    }
}

#[cfg(test)]
mod tests {
    use super::channel;

    #[tokio::test]
    async fn signal_is_given_by_the_trigger_and_by_its_drop() {
        let (trigger, mut signal) = channel();
        assert!(!signal.is_given());
        trigger.shut_down();
        signal.wait().await;
        assert!(signal.is_given());

        let (trigger, mut signal) = channel();
        drop(trigger);
        signal.wait().await;
        assert!(signal.is_given());
    }
}
