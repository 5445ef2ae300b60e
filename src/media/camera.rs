//! A real camera through nokhwa: raw frames only, converted here.
//!
//! The device lives in the thread that reads it. Reading has no timeout; whoever waits for frames notices that none come
//! ([`FROZEN`]). There is no hot-plug event either: a camera that is gone is looked for every two seconds.

use super::clock::MediaTime;
use super::convert::{DamagedPicture, Picture, nv12_to_i420, ycbcr_to_i420, yuyv_to_i420};
use super::frame::Frame;
use super::scale::{Scaler, fit};
use super::video_source::{SourceContext, Stop};
use nokhwa::utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Buffer, Camera, NokhwaError};
use std::cmp::Reverse;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A camera that is open and gives nothing for this long is frozen.
pub const FROZEN: Duration = Duration::from_secs(2);
/// The formats that are converted here, the cheapest first.
const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];
/// Damaged pictures in a row after which the camera is opened anew. Some give a few when they start.
const DAMAGED: u32 = 30;
const NO_CAMERA: &str = "There is no camera. Plug one in, or go on with sound alone.";

/// A camera that is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    pub name: String,
    /// What it can do, as `1280x720 MJPEG 30`, the largest first; empty if it cannot be opened now.
    pub formats: Vec<String>,
}

/// The cameras there are, without opening one.
pub fn cameras() -> Vec<CameraInfo> {
    devices().into_iter().map(|(name, _)| CameraInfo { name, formats: Vec::new() }).collect()
}

/// The cameras there are with what each can do. Opens each for a moment, so not for use while one is in a call.
pub fn cameras_with_formats() -> Vec<CameraInfo> {
    let formats = |index| {
        let formats = Camera::new(index, any_format()).and_then(|mut camera| camera.compatible_camera_formats());
        listed(formats.unwrap_or_default())
    };
    devices().into_iter().map(|(name, index)| CameraInfo { name, formats: formats(index) }).collect()
}

/// The sizes that could be used, each with the most frames a second that it has; the largest first.
fn listed(mut formats: Vec<CameraFormat>) -> Vec<String> {
    formats.retain(|format| FORMATS.contains(&format.format()));
    formats.sort_by_key(|format| Reverse((area(format), format.width(), format.format(), format.frame_rate())));
    formats.dedup_by_key(|format| (format.resolution(), format.format()));
    formats.iter().map(|f| format!("{}x{} {} {}", f.width(), f.height(), f.format(), f.frame_rate())).collect()
}

/// Reads the camera called `name`, or the first, until it is to stop or fails; says why in a sentence with a next step.
pub(super) fn run(name: Option<&str>, context: &SourceContext, stop: &Stop, lost: &mut Option<String>) -> Result<(), String> {
    // That it is not there is no news once it was said that it was unplugged.
    let devices = find(name).map_err(|text| lost.clone().unwrap_or(text))?;
    let (found, mut camera) = open_any(devices, context)?;
    let mut shrink = Shrink::default();
    let mut damaged = 0;
    stop.set_open(true);
    while !stop.is_set() {
        let buffer = camera.frame().map_err(|error| sentence(&found, &error))?;
        // The camera may have been switched off while its driver hung.
        if stop.is_set() {
            break;
        }
        let captured = captured(&buffer, MediaTime::now(), SystemTime::now());
        let mut frame = context.frame();
        if shrink.convert(&buffer, context, &mut frame).is_err() {
            damaged += 1;
            if damaged > DAMAGED {
                return Err(format!("The camera “{found}” gives no picture that can be read. Unplug it and plug it in again."));
            }
            continue;
        }
        damaged = 0;
        frame.captured = captured;
        if lost.take().is_some() {
            context.back();
        }
        context.frames.put(frame);
    }
    let _ = camera.stop_stream();
    Ok(())
}

/// Name and index of each device, once each: Linux lists a second, empty node for most cameras.
fn devices() -> Vec<(String, CameraIndex)> {
    let mut all: Vec<_> = nokhwa::query(ApiBackend::Auto)
        .unwrap_or_default()
        .into_iter()
        .map(|info| (info.human_name().trim().to_owned(), info.index().clone()))
        .collect();
    all.sort_by_key(|(_, index)| index.as_index().unwrap_or(u32::MAX));
    let mut names = std::collections::HashSet::new();
    all.retain(|(name, _)| names.insert(name.clone()));
    all
}

/// The devices that `name` means; all, the first first, if there is none.
fn find(name: Option<&str>) -> Result<Vec<(String, CameraIndex)>, String> {
    let mut all = devices();
    let Some(name) = name else {
        return if all.is_empty() { Err(NO_CAMERA.into()) } else { Ok(all) };
    };
    let exact = all.iter().position(|(found, _)| found == name);
    let part = || all.iter().position(|(found, _)| found.to_lowercase().contains(&name.to_lowercase()));
    match exact.or_else(part) {
        Some(index) => Ok(vec![all.remove(index)]),
        None => Err(format!("The camera “{name}” is not there. Plug it in, or choose another one.")),
    }
}

/// Opens the first that opens; else says what is wrong with the first.
fn open_any(devices: Vec<(String, CameraIndex)>, context: &SourceContext) -> Result<(String, Camera), String> {
    let mut trouble = None;
    for (name, index) in devices {
        match open(index, context) {
            Ok(camera) => return Ok((name, camera)),
            Err(error) => trouble = trouble.or_else(|| Some(sentence(&name, &error))),
        }
    }
    Err(trouble.unwrap_or_else(|| NO_CAMERA.into()))
}

fn any_format() -> RequestedFormat<'static> {
    RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS)
}

/// Opens the camera in the best format that it then really takes.
fn open(index: CameraIndex, context: &SourceContext) -> Result<Camera, NokhwaError> {
    let mut camera = Camera::new(index, any_format())?;
    let mut formats = camera.compatible_camera_formats()?;
    formats.retain(|format| FORMATS.contains(&format.format()) && format.width() >= 16 && format.height() >= 16);
    formats.sort_by_key(|format| Reverse(score(format, context.width, context.height, context.fps)));
    let exactly = |format: &CameraFormat| RequestedFormatType::Exact(*format);
    let taken = formats
        .iter()
        .take(6)
        .find(|format| camera.set_camera_requset(RequestedFormat::with_formats(exactly(format), &FORMATS)).is_ok());
    let format = taken.copied().unwrap_or(camera.camera_format());
    camera.open_stream()?;
    tracing::info!(%format, "camera opened");
    Ok(camera)
}

fn area(format: &CameraFormat) -> u32 {
    format.width() * format.height()
}

/// How well a format serves: enough frames, then as large as wanted and no larger, then of the same shape, then cheap, then not
/// more frames than are sent.
fn score(format: &CameraFormat, width: usize, height: usize, fps: u32) -> (u32, i64, bool, u8, Reverse<u32>) {
    let wanted = (width * height) as i64;
    let area = i64::from(area(format));
    let size = if area <= wanted { area } else { 2 * wanted - area };
    let same_shape = format.width() as usize * height == format.height() as usize * width;
    let cheap = FORMATS.iter().position(|known| *known == format.format()).map_or(0, |index| 3 - index as u8);
    // 15 is as good as 10 is bad: what counts is whether it moves well, then how much it shows.
    let rate = format.frame_rate();
    let smooth = if rate * 6 >= fps * 5 { 2 } else { u32::from(rate >= 20) };
    (smooth, size, same_shape, cheap, Reverse(rate.abs_diff(fps)))
}

/// The capture time on our clock; the driver's stamp is on the wall clock.
fn captured(buffer: &Buffer, now: MediaTime, wall: SystemTime) -> MediaTime {
    let age = buffer.capture_timestamp().and_then(|stamp| wall.duration_since(UNIX_EPOCH + stamp).ok());
    now - age.filter(|age| *age < Duration::from_millis(500)).unwrap_or_default()
}

/// Makes pictures smaller that are larger than wanted.
struct Shrink {
    scaler: Scaler,
    whole: Frame,
}

impl Default for Shrink {
    fn default() -> Self {
        Self { scaler: Scaler::default(), whole: Frame::black(16, 16) }
    }
}

impl Shrink {
    fn convert(&mut self, buffer: &Buffer, context: &SourceContext, frame: &mut Frame) -> Result<(), DamagedPicture> {
        let (width, height) = (buffer.resolution().width() as usize & !1, buffer.resolution().height() as usize & !1);
        if width <= context.width && height <= context.height {
            return to_i420(buffer, width, height, frame);
        }
        to_i420(buffer, width, height, &mut self.whole)?;
        let (width, height) = fit(width, height, context.width, context.height);
        self.scaler.scale(&Picture::from(&self.whole), width, height, frame);
        Ok(())
    }
}

fn to_i420(buffer: &Buffer, width: usize, height: usize, frame: &mut Frame) -> Result<(), DamagedPicture> {
    match buffer.source_frame_format() {
        FrameFormat::YUYV => yuyv_to_i420(buffer.buffer(), width, height, frame),
        FrameFormat::NV12 => nv12_to_i420(buffer.buffer(), width, height, frame),
        FrameFormat::MJPEG => mjpeg_to_i420(buffer.buffer(), width, height, frame),
        _ => Err(DamagedPicture),
    }
}

/// Decodes a JPEG; bytes after its end are left over from larger pictures before.
fn mjpeg_to_i420(data: &[u8], width: usize, height: usize, frame: &mut Frame) -> Result<(), DamagedPicture> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr).set_max_width(4096).set_max_height(4096);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    let pixels = decoder.decode().map_err(|_| DamagedPicture)?;
    if decoder.info().map(|info| (usize::from(info.width), usize::from(info.height))) != Some((width, height)) {
        return Err(DamagedPicture);
    }
    ycbcr_to_i420(&pixels, width, height, frame)
}

/// What went wrong, in words, and what to do.
fn sentence(name: &str, error: &NokhwaError) -> String {
    let text = error.to_string();
    tracing::debug!(%text, "camera error");
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["os error 16", "busy", "in use"]) {
        format!("Another program is using the camera “{name}”. Close it there, and the picture comes by itself.")
    } else if has(&["os error 13", "os error 1)", "ermission", "denied"]) {
        format!(
            "This program may not use the camera “{name}”. Allow it in the system's privacy settings, or add yourself to the group “video”."
        )
    } else if has(&["os error 19", "os error 2)", "os error 6)", "No such device", "not found"]) {
        format!("The camera “{name}” was unplugged. Plug it in again, and the picture comes back by itself.")
    } else {
        format!("The camera “{name}” stopped working. Unplug it and plug it in again, or choose another one.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    fn best(formats: &[(u32, u32, FrameFormat, u32)]) -> CameraFormat {
        let formats = formats.iter().map(|(width, height, format, fps)| CameraFormat::new_from(*width, *height, *format, *fps));
        formats.max_by_key(|format| score(format, 1280, 720, 30)).unwrap()
    }

    #[test]
    fn a_smooth_picture_of_the_wanted_size_is_chosen_and_uncompressed_if_there_is_one() {
        use FrameFormat::{MJPEG, NV12, YUYV};
        let usb2 = [(640, 480, YUYV, 30), (1280, 720, YUYV, 10), (1280, 720, MJPEG, 30), (1920, 1080, MJPEG, 30)];
        assert_eq!(best(&usb2), CameraFormat::new_from(1280, 720, MJPEG, 30));
        let usb3 = [(1280, 720, MJPEG, 30), (1280, 720, NV12, 30), (1280, 720, YUYV, 30), (1920, 1080, YUYV, 30)];
        assert_eq!(best(&usb3), CameraFormat::new_from(1280, 720, YUYV, 30));
        assert_eq!(best(&[(320, 240, YUYV, 30), (640, 480, YUYV, 30)]).width(), 640);
        let many = [1, 15, 25, 60, 30, 50].map(|fps| (1280, 720, YUYV, fps));
        assert_eq!(best(&many).frame_rate(), 30);
    }

    #[test]
    fn of_each_size_the_smoothest_is_listed_and_what_is_not_used_is_not() {
        use FrameFormat::{MJPEG, RAWRGB, YUYV};
        let formats = [(640, 480, YUYV, 15), (1280, 720, MJPEG, 30), (640, 480, YUYV, 30), (640, 480, RAWRGB, 60)];
        let formats = formats.map(|(width, height, format, fps)| CameraFormat::new_from(width, height, format, fps));
        assert_eq!(listed(formats.to_vec()), ["1280x720 MJPEG 30", "640x480 YUYV 30"]);
    }

    #[test]
    fn every_trouble_is_a_sentence_with_a_next_step() {
        let open = |text: &str| sentence("Cam", &NokhwaError::OpenDeviceError("0".into(), text.into()));
        assert!(open("Device or resource busy (os error 16)").starts_with("Another program is using the camera “Cam”. Close it"));
        assert!(open("Permission denied (os error 13)").contains("Allow it"));
        assert!(open("No such device (os error 19)").contains("Plug it in again"));
        assert!(open("strange").contains("or choose another one"));
        assert!(find(Some("no camera has this name")).unwrap_err().contains("Plug it in, or choose another one."));
    }

    #[test]
    fn what_is_no_jpeg_is_a_damaged_picture() {
        let mut frame = Frame::black(16, 16);
        for data in [&b""[..], b"\xff\xd8\xff", &[0xff; 400]] {
            assert_eq!(mjpeg_to_i420(data, 64, 48, &mut frame), Err(DamagedPicture));
        }
    }

    #[test]
    fn the_capture_time_is_moved_to_our_clock_unless_it_makes_no_sense() {
        let wall = UNIX_EPOCH + Duration::from_secs(1000);
        let stamped = |stamp| Buffer::with_timestamp(Resolution::new(16, 16), &[], FrameFormat::YUYV, stamp);
        let now = MediaTime(5_000_000);
        assert_eq!(captured(&stamped(Some(Duration::from_millis(999_960))), now, wall), MediaTime(4_960_000));
        assert_eq!(captured(&stamped(Some(Duration::from_secs(3))), now, wall), now);
        assert_eq!(captured(&stamped(None), now, wall), now);
    }
}
