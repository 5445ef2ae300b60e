//! `vesper devices`: what is plugged in.

use anyhow::Result;
use serde_json::json;

use super::output::{Output, remark};
use crate::media::{camera, sound_devices};

/// Prints cameras with their formats, microphones and speakers, with the defaults.
pub fn list(output: Output) -> Result<()> {
    let cameras = camera::cameras_with_formats();
    if cameras.is_empty() {
        remark("no camera here");
    }
    for camera in cameras {
        let formats = match &camera.formats[..] {
            [] => "cannot be opened now".to_owned(),
            formats => formats.join(", "),
        };
        output.both(
            &json!({"device": "camera", "name": camera.name, "formats": camera.formats}),
            &format!("camera      {} ({formats})", camera.name),
        );
    }
    for (kind, devices) in [("microphone", sound_devices::microphones()), ("speaker", sound_devices::speakers())] {
        if devices.is_empty() {
            remark(&format!("no {kind} here"));
        }
        for device in devices {
            let default = if device.default { " (default)" } else { "" };
            output.both(
                &json!({"device": kind, "name": device.name, "default": device.default}),
                &format!("{kind:11} {}{default}", device.name),
            );
        }
    }
    Ok(())
}
