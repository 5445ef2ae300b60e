//! A one-frame slot: the newest value wins, the older one is dropped.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Makes a slot. Clone either end freely; the last writer to go closes it.
///
/// Never full: writing replaces what nobody took (and returns it, for its buffer can be used again).
pub fn slot<T>() -> (SlotWriter<T>, SlotReader<T>) {
    let shared = Arc::new(Shared { state: Mutex::new(State { value: None, writers: 1, woken: false }), changed: Condvar::new() });
    (SlotWriter(shared.clone()), SlotReader(shared))
}

/// The end that a source writes to.
#[derive(Debug)]
pub struct SlotWriter<T>(Arc<Shared<T>>);

/// The end that takes the newest value.
#[derive(Debug)]
pub struct SlotReader<T>(Arc<Shared<T>>);

/// What ended a wait on a slot.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// Nothing came in time, or somebody called [`SlotReader::wake`].
    Nothing,
    /// All writers are gone and nothing is left.
    Closed,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    writers: usize,
    woken: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().expect("no code panics while it holds a slot")
    }
}

impl<T> SlotWriter<T> {
    /// Puts `value` in, returns the one that nobody took.
    pub fn put(&self, value: T) -> Option<T> {
        let old = self.0.lock().value.replace(value);
        self.0.changed.notify_one();
        old
    }
}

impl<T> Clone for SlotWriter<T> {
    fn clone(&self) -> Self {
        self.0.lock().writers += 1;
        Self(self.0.clone())
    }
}

impl<T> Drop for SlotWriter<T> {
    fn drop(&mut self) {
        self.0.lock().writers -= 1;
        self.0.changed.notify_all();
    }
}

impl<T> Clone for SlotReader<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> SlotReader<T> {
    /// Takes the value if there is one.
    pub fn take(&self) -> Option<T> {
        self.0.lock().value.take()
    }

    /// Waits for a value for at most `timeout`.
    pub fn wait(&self, timeout: Duration) -> Taken<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.value.take() {
                return Taken::Value(value);
            }
            if state.writers == 0 {
                return Taken::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if std::mem::take(&mut state.woken) || left.is_zero() {
                return Taken::Nothing;
            }
            state = self.0.changed.wait_timeout(state, left).expect("no code panics while it holds a slot").0;
        }
    }

    /// Ends the current or next [`wait`](Self::wait) early: there is something else to look at.
    pub fn wake(&self) {
        self.0.lock().woken = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_wins() {
        let (writer, reader) = slot();
        assert_eq!(writer.put(1), None);
        assert_eq!(writer.put(2), Some(1));
        assert_eq!(reader.take(), Some(2));
        assert_eq!(reader.take(), None);
    }

    #[test]
    fn a_reader_learns_that_all_writers_are_gone_after_the_last_value() {
        let (writer, reader) = slot();
        writer.clone().put(7);
        drop(writer);
        assert_eq!(reader.wait(Duration::from_secs(1)), Taken::Value(7));
        assert_eq!(reader.wait(Duration::from_secs(1)), Taken::Closed);
    }

    #[test]
    fn a_wake_ends_a_wait() {
        let (_writer, reader) = slot::<u8>();
        reader.wake();
        assert_eq!(reader.wait(Duration::from_secs(60)), Taken::Nothing);
    }
}
