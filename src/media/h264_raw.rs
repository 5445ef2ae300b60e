//! The OpenH264 calls that the safe wrapper lacks: concealment, decoding that reports it, a bitrate that changes while encoding,
//! and long-term references. The codec's unsafe code is here alone.
#![allow(unsafe_code, reason = "the safe wrapper of OpenH264 lacks the options that calls need")]

use openh264::decoder::Decoder;
use openh264::encoder::Encoder;
use openh264_sys2::{
    DECODER_OPTION, DECODER_OPTION_ERROR_CON_IDC, DECODER_OPTION_FRAME_NUM, DECODER_OPTION_LTR_MARKED_FRAME_NUM,
    DECODER_OPTION_LTR_MARKING_FLAG, DECODING_STATE, ENCODER_LTR_MARKING_FEEDBACK, ENCODER_LTR_MARKING_PERIOD,
    ENCODER_LTR_RECOVERY_REQUEST, ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE,
    ENCODER_OPTION_TRACE_LEVEL, LTR_MARKING_SUCCESS, LTR_RECOVERY_REQUEST, SBitrateInfo, SBufferInfo, SLTRMarkingFeedback,
    SLTRRecoverRequest, SPATIAL_LAYER_0, WELS_LOG_QUIET, dsDataErrorConcealed, dsErrorFree,
};
use std::os::raw::c_int;
use std::ptr;

/// Lost parts are copied from the picture before (ERROR_CON_SLICE_COPY in codec_app_def.h).
const CONCEAL_BY_COPY: c_int = 2;

/// What the decoder made of an access unit.
#[derive(Debug)]
pub(super) struct RawPicture<'a> {
    pub width: usize,
    pub height: usize,
    pub y: &'a [u8],
    pub u: &'a [u8],
    pub v: &'a [u8],
    pub y_stride: usize,
    pub uv_stride: usize,
}

/// How decoding went (DECODING_STATE in codec_app_def.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawState(DECODING_STATE);

impl RawState {
    /// Everything was there.
    pub fn is_clean(self) -> bool {
        self.0 == dsErrorFree
    }

    /// Something was missing and made up for: a picture, but a repair is due.
    pub fn is_concealed(self) -> bool {
        self.0 & dsDataErrorConcealed != 0
    }

    /// The number, for logs.
    pub fn code(self) -> i32 {
        self.0
    }
}

/// Switches concealment on.
pub(super) fn conceal_errors(decoder: &mut Decoder) -> bool {
    let mut mode = CONCEAL_BY_COPY;
    // SAFETY: the decoder is initialised (its constructor did that), and this option reads one int (codec_app_def.h).
    unsafe { decoder.raw_api().set_option(DECODER_OPTION_ERROR_CON_IDC, (&raw mut mode).cast()) == 0 }
}

/// Of an access unit: its number (H.264 section 7.4.3, frame_num), and that of the picture which it marks as a long-term reference.
pub(super) type Numbers = (u16, Option<u16>);

/// The numbers of the access unit that was decoded last.
fn numbers(decoder: &mut Decoder) -> Option<Numbers> {
    let mut read = |option: DECODER_OPTION| {
        let mut value: c_int = 0;
        // SAFETY: the decoder is initialised, and these options write one int (codec_app_def.h).
        let read = unsafe { decoder.raw_api().get_option(option, (&raw mut value).cast()) == 0 };
        u16::try_from(value).ok().filter(|_| read)
    };
    let own = read(DECODER_OPTION_FRAME_NUM)?;
    let marks = read(DECODER_OPTION_LTR_MARKING_FLAG) == Some(1);
    Some((own, read(DECODER_OPTION_LTR_MARKED_FRAME_NUM).filter(|_| marks)))
}

/// Decodes one access unit (Annex B) and returns its picture at once.
pub(super) fn decode<'a>(decoder: &'a mut Decoder, unit: &[u8]) -> (RawState, Option<Numbers>, Option<RawPicture<'a>>) {
    let mut planes = [ptr::null_mut::<u8>(); 3];
    let mut info = SBufferInfo::default();
    let length = c_int::try_from(unit.len()).expect("an access unit is far below 2 GiB");
    // SAFETY: the decoder is initialised; `unit` is readable for `length` bytes; the other two are written to before it returns.
    let state =
        unsafe { decoder.raw_api().decode_frame_no_delay(unit.as_ptr(), length, planes.as_mut_ptr().cast(), &raw mut info) };
    let numbers = numbers(decoder);
    if info.iBufferStatus != 1 || planes.iter().any(|plane| plane.is_null()) {
        return (RawState(state), numbers, None);
    }
    // SAFETY: with status 1 the union holds the system buffer, its only variant.
    let buffer = unsafe { info.UsrData.sSystemBuffer };
    let [Ok(width), Ok(height), Ok(y_stride), Ok(uv_stride)] =
        [buffer.iWidth, buffer.iHeight, buffer.iStride[0], buffer.iStride[1]].map(usize::try_from)
    else {
        return (RawState(state), numbers, None);
    };
    if width < 16 || height < 16 || width % 2 != 0 || height % 2 != 0 || y_stride < width || uv_stride < width / 2 {
        return (RawState(state), numbers, None);
    }
    let plane = |index: usize, stride: usize, width: usize, height: usize| {
        // SAFETY: OpenH264 hands out planes of `height` rows, `stride` bytes apart, which stay as they are until the next call on
        // this decoder; the result borrows the decoder mutably for as long.
        unsafe { std::slice::from_raw_parts(planes[index], stride * (height - 1) + width) }
    };
    let picture = RawPicture {
        width,
        height,
        y: plane(0, y_stride, width, height),
        u: plane(1, uv_stride, width / 2, height / 2),
        v: plane(2, uv_stride, width / 2, height / 2),
        y_stride,
        uv_stride,
    };
    (RawState(state), numbers, Some(picture))
}

/// Has the encoder print nothing. Before its first frame.
pub(super) fn silence(encoder: &mut Encoder) -> bool {
    let mut level = WELS_LOG_QUIET;
    // SAFETY: this option may be set before the encoder is initialised, and reads one int (codec_app_def.h).
    unsafe { encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast()) == 0 }
}

/// Sets the target and the most the encoder may use from the next frame on, with no keyframe. It must have encoded a frame before.
pub(super) fn set_bitrate(encoder: &mut Encoder, bits_per_second: i32, raise: bool) -> bool {
    // The target may never be above the most. Of our one layer, by its number: "all layers" would leave the layer's most as it was.
    let order: [ENCODER_OPTION; 2] = if raise {
        [ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_BITRATE]
    } else {
        [ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE]
    };
    order.into_iter().all(|option| {
        let mut info = SBitrateInfo { iLayer: SPATIAL_LAYER_0, iBitrate: bits_per_second };
        // SAFETY: the first frame initialised the encoder, and both options read one SBitrateInfo (codec_app_def.h).
        unsafe { encoder.raw_api().set_option(option, (&raw mut info).cast()) == 0 }
    })
}

/// Shares the rate out among so many frames a second from the next frame on, with no keyframe. It must have encoded a frame before.
pub(super) fn set_frame_rate(encoder: &mut Encoder, fps: u32) -> bool {
    let mut fps = fps as f32;
    // SAFETY: the first frame initialised the encoder, and this option reads one float (codec_app_def.h).
    unsafe { encoder.raw_api().set_option(ENCODER_OPTION_FRAME_RATE, (&raw mut fps).cast()) == 0 }
}

/// Keeps a picture as a long-term reference this often, in frames, once the one before is known to have arrived.
pub(super) fn keep_every(encoder: &mut Encoder, frames: u32) -> bool {
    let mut frames = c_int::try_from(frames).expect("a few");
    // SAFETY: the first frame initialised the encoder, and this option reads one int (codec_app_def.h).
    unsafe { encoder.raw_api().set_option(ENCODER_LTR_MARKING_PERIOD, (&raw mut frames).cast()) == 0 }
}

/// The receiver has the long-term reference with number `frame` of the run that keyframe number `idr` began.
pub(super) fn confirm(encoder: &mut Encoder, idr: u16, frame: u16) -> bool {
    let mut feedback = SLTRMarkingFeedback {
        uiFeedbackType: LTR_MARKING_SUCCESS as _,
        uiIDRPicId: idr.into(),
        iLTRFrameNum: frame.into(),
        iLayerId: SPATIAL_LAYER_0,
    };
    // SAFETY: the first frame initialised the encoder, and this option reads one SLTRMarkingFeedback (codec_app_def.h).
    unsafe { encoder.raw_api().set_option(ENCODER_LTR_MARKING_FEEDBACK, (&raw mut feedback).cast()) == 0 }
}

/// Has the next frame made from the newest long-term reference that was confirmed. Of those after `whole`, the last that the receiver
/// has, up to `last`, the last that was made, none is thought to be there any more; nor is one that a frame after `whole` marked.
pub(super) fn recover(encoder: &mut Encoder, idr: u16, whole: u16, last: u16) -> bool {
    let mut request = SLTRRecoverRequest {
        uiFeedbackType: LTR_RECOVERY_REQUEST as _,
        uiIDRPicId: idr.into(),
        iLastCorrectFrameNum: whole.into(),
        iCurrentFrameNum: last.into(),
        iLayerId: SPATIAL_LAYER_0,
    };
    // SAFETY: the first frame initialised the encoder, and this option reads one SLTRRecoverRequest (codec_app_def.h).
    unsafe { encoder.raw_api().set_option(ENCODER_LTR_RECOVERY_REQUEST, (&raw mut request).cast()) == 0 }
}
