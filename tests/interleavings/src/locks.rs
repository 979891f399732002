//! Interfaces of `parking_lot` and of thread-local values, as far as the included source uses them,
//! over those of loom.

use std::cell::RefCell;
use std::sync::PoisonError;

pub use loom::sync::MutexGuard;

/// A lock that is never poisoned.
#[derive(Debug)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock around a value.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread-local value of loom.
#[derive(Debug)]
pub struct Local<T: 'static>(pub &'static loom::thread::LocalKey<RefCell<T>>);

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Local<T> {
    /// Like `LocalKey::with_borrow`.
    pub fn with_borrow<R>(&'static self, read: impl FnOnce(&T) -> R) -> R {
        self.0.with(|value| read(&value.borrow()))
    }

    /// Like `LocalKey::with_borrow_mut`.
    pub fn with_borrow_mut<R>(&'static self, change: impl FnOnce(&mut T) -> R) -> R {
        self.0.with(|value| change(&mut value.borrow_mut()))
    }
}

macro_rules! thread_local {
    ($vis:vis static $name:ident: RefCell<$type:ty> = $value:expr;) => {
        $vis static $name: $crate::locks::Local<$type> = {
            loom::thread_local! { static KEY: std::cell::RefCell<$type> = $value; }
            $crate::locks::Local(&KEY)
        };
    };
}
