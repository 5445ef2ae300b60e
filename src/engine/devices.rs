//! What is plugged in, by name.

use super::snapshot::Devices;
use crate::media::{camera, sound_devices};

/// Asks the drivers. Takes a while: never call it on the engine's own task.
pub fn list() -> Devices {
    Devices {
        cameras: camera::cameras().into_iter().map(|camera| camera.name).collect(),
        microphones: sound_devices::microphones().into_iter().map(|device| device.name).collect(),
        speakers: sound_devices::speakers().into_iter().map(|device| device.name).collect(),
    }
}
