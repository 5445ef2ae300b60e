//! Camera and microphone as a person looks at them before a call, or in the settings. Nothing of it leaves this computer.

use std::sync::Arc;

use super::core::{Core, Then};
use super::current::Switches;
use super::options::{CameraChoice, MicrophoneChoice};
use super::sentences;
use super::sources;
use super::words::whole;
use crate::media::level::on_meter;
use crate::media::meter::{Heard, Meter};
use crate::media::scanner::{Scanner, Seen};
use crate::settings::Settings;

/// What a person sees of their devices; the picture is in the preview's slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceCheckView {
    /// Loudness of the microphone, 0 to 1; `None` until it delivers.
    pub level: Option<f32>,
    /// Why there is no picture, and what to do.
    pub camera_trouble: Option<String>,
    /// Why there is no sound, and what to do.
    pub microphone_trouble: Option<String>,
}

/// The open devices. Dropping it closes them.
pub struct DeviceCheck {
    view: DeviceCheckView,
    camera: Option<Scanner>,
    microphone: Option<Meter>,
    /// Tells news of this check from news of the one before.
    token: Arc<()>,
}

/// News for the view.
type Change = Box<dyn FnOnce(&mut DeviceCheckView) + Send>;

impl Core {
    /// Opens camera and microphone, or closes them. In a call they are the call's.
    pub(super) fn check_devices(&mut self, on: bool, in_call: bool) {
        self.close_device_check();
        if !on {
            return;
        }
        self.look_at_devices();
        let mut check = DeviceCheck { view: DeviceCheckView::default(), camera: None, microphone: None, token: Arc::default() };
        if in_call {
            check.view.camera_trouble = Some(sentences::CAMERA_IN_CALL.into());
            check.view.microphone_trouble = Some(sentences::MICROPHONE_IN_CALL.into());
        } else {
            self.open_for_check(&mut check);
        }
        self.device_check = Some(check);
    }

    fn open_for_check(&self, check: &mut DeviceCheck) {
        let (media, settings) = (&self.options.media, &self.people.settings);
        if media.camera == CameraChoice::None {
            check.view.camera_trouble = Some(sentences::NO_CAMERA.into());
        } else {
            let (preview, waker) = (self.screens.preview.pictures.clone(), self.screens.waker.clone());
            let camera = sources::camera(Switches { microphone: false, camera: true }, media, settings);
            let tell = self.teller(check);
            check.camera = Some(Scanner::preview(camera, preview, move |seen| match seen {
                Seen::Picture => {
                    if let Some(waker) = &waker {
                        waker();
                    }
                }
                Seen::Trouble(text) => tell(Box::new(move |view| view.camera_trouble = Some(whole(&text)))),
                Seen::Code(_) => {}
            }));
        }
        if media.microphone == MicrophoneChoice::None {
            check.view.microphone_trouble = Some(sentences::NO_MICROPHONE.into());
        } else {
            let tell = self.teller(check);
            check.microphone = Some(Meter::start(sources::microphone(media, settings), move |heard| {
                tell(match heard {
                    Heard::Level(dbfs) => Box::new(move |view| view.level = Some(on_meter(dbfs))),
                    Heard::Works => Box::new(|view| view.microphone_trouble = None),
                    Heard::Trouble(text) => Box::new(move |view| {
                        view.level = None;
                        view.microphone_trouble = Some(whole(&text));
                    }),
                });
            }));
        }
    }

    /// Takes news of `check` to the loop. What comes while the loop stands still is lost; more follows.
    fn teller(&self, check: &DeviceCheck) -> impl Fn(Change) + Send + use<> {
        let (results, token) = (self.off_loop_results.clone(), check.token.clone());
        move |change| {
            let token = token.clone();
            let then: Then = Box::new(move |core, _| {
                if let Some(check) = core.device_check.as_mut().filter(|check| Arc::ptr_eq(&check.token, &token)) {
                    change(&mut check.view);
                }
            });
            let _ = results.try_send(then);
        }
    }

    /// Closes camera and microphone, off the loop: some drivers take their time.
    pub(super) fn close_device_check(&mut self) {
        if let Some(check) = self.device_check.take() {
            tokio::task::spawn_blocking(move || drop(check));
        }
    }

    /// Opens other devices when others were chosen.
    pub(super) fn device_check_follows(&mut self, before: &Settings) {
        let after = &self.people.settings;
        let same = (&before.camera, &before.microphone) == (&after.camera, &after.microphone);
        let open = self.device_check.as_ref().is_some_and(|check| check.camera.is_some() || check.microphone.is_some());
        if open && !same {
            self.check_devices(true, false);
        }
    }

    pub(super) fn device_check_view(&self) -> Option<DeviceCheckView> {
        self.device_check.as_ref().map(|check| check.view.clone())
    }
}
