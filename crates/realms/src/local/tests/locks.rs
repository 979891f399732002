//! Tasks are woken for progressive arguments, progressive results and revocations after the lock of
//! the realm is released.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use cloverleaf_client::{Failure, Progress, ProgressiveArgs};
use parking_lot::Mutex;

use super::{internal, realm};
use crate::local;
use crate::realm_host::RealmHost;

/// A waker that records whether the lock of the realm is free.
struct LockProbe {
    realm: Arc<RealmHost>,
    found_free: Mutex<Vec<bool>>,
}

impl Wake for LockProbe {
    fn wake(self: Arc<Self>) {
        let is_free = self.realm.is_free();
        self.found_free.lock().push(is_free);
    }
}

fn ready<T>(mut future: Pin<&mut impl Future<Output = T>>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("not ready"),
    }
}

#[test]
fn tasks_are_woken_for_parts_and_revocations_after_the_lock_is_released() {
    let realm = realm();
    let join = |id| local::join(&realm, internal(id)).expect("the role exists");
    let ((callee, mut driver), (caller, _driver)) = (join("callee"), join("caller"));
    let probe = Arc::new(LockProbe { realm: Arc::clone(&realm), found_free: Mutex::default() });
    let waker = Waker::from(Arc::clone(&probe));
    let mut context = Context::from_waker(&waker);
    let found_free = |what: &str| {
        let found = std::mem::take(&mut *probe.found_free.lock());
        assert!(!found.is_empty() && found.iter().all(|is_free| *is_free), "{what}: {found:?}");
    };

    let echo = async |mut parts: ProgressiveArgs, progress: Progress| {
        while parts.next().await?.is_some() {
            progress.send(1).await?;
        }
        Ok::<_, Failure>(2)
    };
    let registering = callee.register("com.echo", echo);
    let registration = ready(pin!(registering.into_future())).expect("registered");
    assert!(pin!(&mut driver).poll(&mut context).is_pending());
    let (mut parts, mut results) = caller.call("com.echo").bidirectional();
    found_free("an invocation");
    assert!(pin!(&mut driver).poll(&mut context).is_pending());
    probe.found_free.lock().clear();

    assert!(pin!(results.next()).poll(&mut context).is_pending());
    ready(pin!(parts.send((1,)))).expect("sent");
    found_free("a part of the call");
    assert!(pin!(&mut driver).poll(&mut context).is_pending());
    found_free("a part of the result");
    assert!(ready(pin!(results.next())).expect("no failure").is_some());

    let mut ended = pin!(registration.ended());
    assert!(ended.as_mut().poll(&mut context).is_pending());
    let forced = caller.register("com.echo", || async { Ok::<_, Failure>(1) }).force_reregister();
    ready(pin!(forced.into_future())).expect("registered");
    found_free("a revocation");
    assert_eq!(ready(ended), "wamp.error.unregistered");
}
