//! Keeps a microphone or a speaker open from a thread of its own, whatever happens to it.
//!
//! Opening takes a system its time, and a pipeline has none: it goes on in silence and picks up its end of the ring
//! when there is one. A device that fails is built anew with growing pauses; one that was asked for by name and is not
//! there is replaced by the default one until it is; the default one is followed when it becomes another.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cpal::{Device, DeviceId, Host, traits::DeviceTrait};

use super::events::{MediaEvent, MediaEvents, MediaSource};
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::sound_devices::{DeviceError, Health, OpenDevice, Side, find, is_plain_alsa, name, sound_system};

/// How often the device's health is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is asked whether another device should be used by now: systems send no event for it.
const POLL: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A device that ran this long was in order.
const SOUND: Duration = Duration::from_secs(5);
/// How long dropping a keeper waits for the device to close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

type Open<E> = fn(&Device) -> Result<OpenDevice<E>, DeviceError>;

/// A device that is kept open. Dropping this closes it.
pub(super) struct SoundKeeper<E> {
    /// The newest wish counts.
    wishes: Option<SlotWriter<Wish>>,
    /// The newest end counts; an older one belongs to a closed stream.
    ends: SlotReader<E>,
    thread_gone: SlotReader<()>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Closed,
    /// By name, or the default one.
    Open(Option<String>),
}

impl<E: Send + 'static> SoundKeeper<E> {
    /// Starts with the device closed. `open` is called on the keeper's thread.
    pub fn start(side: Side, open: Open<E>, events: MediaEvents) -> std::io::Result<Self> {
        let (wishes, wish_reader) = slot();
        let (end_writer, ends) = slot();
        let (alive, thread_gone) = slot::<()>();
        let keeping = Keeping {
            side,
            open,
            events,
            ends: end_writer,
            wish: Wish::Closed,
            host: None,
            running: None,
            not_before: Instant::now(),
            pause: FIRST_PAUSE,
            lost: false,
            missing: false,
        };
        thread::Builder::new().name(format!("{side:?}").to_lowercase()).spawn(move || {
            keeping.run(&wish_reader);
            drop(alive);
        })?;
        Ok(Self { wishes: Some(wishes), ends, thread_gone })
    }

    /// Opens the device called `name`, or the default one; closes another one first.
    pub fn open(&self, name: Option<String>) {
        self.wish(Wish::Open(name));
    }

    /// Closes the device.
    pub fn close(&self) {
        self.wish(Wish::Closed);
    }

    /// The end of a device that was opened since the last call.
    pub fn take(&self) -> Option<E> {
        self.ends.take()
    }

    fn wish(&self, wish: Wish) {
        self.wishes.as_ref().expect("it is there until the drop").put(wish);
    }
}

impl<E> Drop for SoundKeeper<E> {
    fn drop(&mut self) {
        self.wishes = None;
        // A system that hangs must not hang us: then the thread is left to itself.
        if self.thread_gone.wait(CLOSE_LIMIT) != Taken::Closed {
            tracing::warn!("a sound device takes long to close; left behind");
        }
    }
}

/// The keeper's thread.
struct Keeping<E> {
    side: Side,
    open: Open<E>,
    events: MediaEvents,
    ends: SlotWriter<E>,
    wish: Wish,
    host: Option<Host>,
    running: Option<Running>,
    not_before: Instant,
    pause: Duration,
    /// It was said that there is no device.
    lost: bool,
    /// It was said that another device stands in.
    missing: bool,
}

struct Running {
    /// Dropping it closes the device.
    _stream: cpal::Stream,
    health: Arc<Health>,
    id: Option<DeviceId>,
    since: Instant,
    looked: Instant,
}

impl<E> Keeping<E> {
    fn run(mut self, wishes: &SlotReader<Wish>) {
        loop {
            match wishes.wait(LOOK) {
                Taken::Value(wish) => self.change(wish),
                Taken::Nothing => {}
                Taken::Closed => return,
            }
            self.look(Instant::now());
        }
    }

    fn change(&mut self, wish: Wish) {
        if wish == self.wish && self.running.is_some() {
            return;
        }
        self.running = None;
        self.wish = wish;
        self.pause = FIRST_PAUSE;
        self.not_before = Instant::now();
    }

    fn look(&mut self, now: Instant) {
        if let Some(failed) = self.running.take_if(|running| running.health.failed()) {
            if now.duration_since(failed.since) > SOUND {
                self.pause = FIRST_PAUSE;
            }
            self.host = None;
            self.pause_before_next(now);
            self.say_lost(format!("the {} stopped working; it is used again as soon as it is back", self.noun()));
        }
        if self.running.is_some() {
            self.look_for_better(now);
        } else if let Wish::Open(wanted) = &self.wish
            && now >= self.not_before
        {
            let wanted = wanted.clone();
            self.try_open(now, wanted.as_deref());
        }
    }

    fn try_open(&mut self, now: Instant, wanted: Option<&str>) {
        let host = self.host.get_or_insert_with(sound_system);
        let opened = find(host, self.side, wanted).and_then(|(device, as_asked)| {
            let opened = (self.open)(&device)?;
            Ok((device, as_asked, opened))
        });
        match opened {
            Ok((device, as_asked, OpenDevice { stream, health, end })) => {
                let id = device.id().ok();
                self.running = Some(Running { _stream: stream, health, id, since: now, looked: now });
                self.ends.put(end);
                tracing::debug!(side = ?self.side, "sound device opened");
                self.say_found(wanted.filter(|_| !as_asked), &name(&device));
            }
            Err(error) => {
                self.host = None;
                self.pause_before_next(now);
                self.say_lost(error.to_string());
            }
        }
    }

    fn pause_before_next(&mut self, now: Instant) {
        self.not_before = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Goes over to the default device when it has become another, and back to the chosen one when it has come back.
    ///
    /// A chosen one that is gone is looked for, too: a sound server moves its streams elsewhere without a word.
    fn look_for_better(&mut self, now: Instant) {
        let (Some(running), Some(host)) = (&mut self.running, &self.host) else { return };
        if now < running.looked + POLL {
            return;
        }
        running.looked = now;
        if is_plain_alsa(host) {
            let newest = sound_system();
            if newest.id() != host.id() {
                // The sound server is back, and wants the device for itself.
                (self.running, self.host, self.not_before) = (None, Some(newest), now);
                return;
            }
        }
        let Wish::Open(wanted) = &self.wish else { return };
        if find(host, self.side, wanted.as_deref()).is_ok_and(|(device, _)| device.id().ok() != running.id) {
            self.running = None;
            self.not_before = now;
        }
    }

    fn say_lost(&mut self, text: String) {
        if !std::mem::replace(&mut self.lost, true) {
            tracing::warn!(side = ?self.side, "sound device lost");
            let _ = self.events.try_send(MediaEvent::SourceLost { source: self.source(), text });
        }
    }

    fn say_found(&mut self, missing: Option<&str>, instead: &str) {
        if std::mem::replace(&mut self.lost, false) {
            let _ = self.events.try_send(MediaEvent::SourceBack { source: self.source() });
        }
        let was_missing = std::mem::replace(&mut self.missing, missing.is_some());
        if let (false, Some(missing)) = (was_missing, missing) {
            let noun = self.noun();
            let text = format!("the {noun} “{missing}” is not there; using “{instead}” until it is plugged in again");
            let _ = self.events.try_send(MediaEvent::Warning { what: "sound_device_missing", text });
        }
    }

    fn noun(&self) -> &'static str {
        match self.side {
            Side::Microphone => "microphone",
            Side::Speaker => "speaker",
        }
    }

    fn source(&self) -> MediaSource {
        match self.side {
            Side::Microphone => MediaSource::Microphone,
            Side::Speaker => MediaSource::Speaker,
        }
    }
}
