//! The safety number on the screen, and the camera that looks for the other side's code.

use super::core::{Core, unix_seconds};
use super::options::CameraChoice;
use super::sentences;
use super::snapshot::{Scan, VerifyView};
use super::sources;
use crate::contacts::VerifiedBy;
use crate::engine::current::Switches;
use crate::identity::{PublicKey, SafetyNumber, Scanned};
use crate::media::scanner::{Scanner, Seen};

/// The number that is shown.
pub struct Verifying {
    key: PublicKey,
    number: SafetyNumber,
    scan: Scan,
    scanner: Option<Scanner>,
}

impl Core {
    /// Shows the number of a contact.
    pub(super) fn show_number(&mut self, key: PublicKey) {
        self.hide_number();
        if self.people.accepted(key).is_some() {
            let number = SafetyNumber::between(&self.people.identity.public(), &key);
            self.verifying = Some(Verifying { key, number, scan: Scan::Off, scanner: None });
        }
    }

    /// Puts it away; the camera closes.
    pub(super) fn hide_number(&mut self) {
        if let Some(mut verifying) = self.verifying.take() {
            close(verifying.scanner.take());
        }
    }

    /// Opens or closes the camera for the other side's code. In a call the camera is the call's.
    pub(super) fn scan(&mut self, on: bool, in_call: bool) {
        let camera = sources::camera(Switches { microphone: false, camera: true }, &self.options.media, &self.people.settings);
        let no_camera = self.options.media.camera == CameraChoice::None;
        let (preview, waker, results) =
            (self.screens.preview.pictures.clone(), self.screens.waker.clone(), self.off_loop_results.clone());
        let Some(verifying) = &mut self.verifying else { return };
        close(verifying.scanner.take());
        verifying.scan = Scan::Off;
        if on && (in_call || no_camera) {
            let text = if in_call { sentences::SCAN_AFTER_CALL } else { sentences::SCAN_WITHOUT_CAMERA };
            verifying.scan = Scan::Trouble { text: text.into(), danger: false };
        } else if on {
            verifying.scan = Scan::Looking;
            let key = verifying.key;
            verifying.scanner = Some(Scanner::start(camera, preview, move |seen| match seen {
                Seen::Picture => {
                    if let Some(waker) = &waker {
                        waker();
                    }
                }
                // Fails only when the engine is gone or stands still; a code is then read again.
                seen => drop(results.try_send(Box::new(move |core, _| core.scanned(key, seen)))),
            }));
        }
    }

    /// What the camera saw. News of a number that is no longer shown is dropped.
    fn scanned(&mut self, key: PublicKey, seen: Seen) {
        let name = self.petname(key);
        let Some(verifying) = self.verifying.as_mut().filter(|verifying| verifying.key == key && verifying.scanner.is_some())
        else {
            return;
        };
        let scanned = match seen {
            Seen::Code(code) => verifying.number.compare(&code),
            Seen::Trouble(text) => {
                verifying.scan = Scan::Trouble { text, danger: false };
                return;
            }
            Seen::Picture => return,
        };
        let trouble = match scanned {
            Scanned::Match => None,
            Scanned::OtherKey => Some((sentences::code_of_another_key(&name), true)),
            Scanned::NotUs => Some((sentences::code_for_another_key(&name), true)),
            Scanned::Strangers => Some((sentences::CODE_OF_OTHERS.into(), false)),
            Scanned::Newer => Some((sentences::CODE_OF_NEWER.into(), false)),
            Scanned::NotACode => Some((sentences::NO_CODE.into(), false)),
        };
        match trouble {
            Some((text, danger)) => {
                verifying.scan = Scan::Trouble { text, danger };
                if danger {
                    self.mark(key, false);
                }
            }
            None => {
                verifying.scan = Scan::Match;
                close(verifying.scanner.take());
                self.mark(key, true);
            }
        }
    }

    /// Sets the mark, or takes it back.
    fn mark(&mut self, key: PublicKey, verified: bool) {
        let marked =
            if verified { self.people.verify(key, VerifiedBy::Number, unix_seconds()) } else { self.people.unverify(key) };
        self.told(marked);
    }

    pub(super) fn verify_view(&self) -> Option<VerifyView> {
        let Verifying { key, number, scan, .. } = self.verifying.as_ref()?;
        Some(VerifyView { key: *key, groups: number.groups(), code: number.code(), scan: scan.clone() })
    }
}

/// Closes the camera off the loop: some drivers take their time.
fn close(scanner: Option<Scanner>) {
    if let Some(scanner) = scanner {
        tokio::task::spawn_blocking(move || drop(scanner));
    }
}
