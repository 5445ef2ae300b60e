//! How picture and sound travel: sources, codecs, buffers, and the four pipelines.
//!
//! In reading order:
//!
//! - Picture out, [`video_send`]: [`video_source`] is the [`camera`], a [`y4m`] file or the [`test_pattern`] with its [`marker`]; [`content`]
//!   and [`rate`] say what is made of the bits, [`scale`] and [`h264`] make it, [`fragment`] cuts it. [`slot`] is where only the newest counts.
//! - Picture in, [`video_receive`]: [`video_jitter`] puts together, [`nal`] looks before the decoder does, [`video_playout`] says when it is due on
//!   the [`screen`], as large as its [`place`] in the window; [`repair`] is how both ends come back from a loss, [`video_stats`] what is measured.
//! - Sound out, [`audio_send`]: [`audio_source`] is the [`microphone`], a [`wav`] file or the [`tone`]; [`mod@echo`] cleans it, [`opus`] packs it,
//!   [`audio_payload`] adds copies.
//! - Sound in, [`audio_receive`]: [`audio_jitter`] and [`delay_target`], from what [`lateness`] and [`delay_histogram`] know, say what is played when;
//!   [`voice_decoder`] decodes and makes up, [`time_stretch`] catches up, [`audio_sink`] is the [`speaker`] or a file. [`lip_sync`] has both meet.
//! - Between them: [`allocation`] divides the rate; [`packet`] is what the transport sees; [`clock`] is the one clock, and
//!   [`clock_offset`] the peer's; [`priority`] is which threads come first; [`frame`] is a picture and [`convert`] its colours;
//!   [`events`] tell the engine, [`trace`] whoever measures.
//! - Devices: [`sound_devices`], each kept open by a keeper of its own; [`meter`], [`scanner`] and [`ringtone`] use them without a call.
//! - What a person sees of it: [`quality`], [`level`].

pub mod allocation;
pub mod audio_jitter;
pub mod audio_payload;
pub mod audio_playout;
pub mod audio_receive;
pub mod audio_send;
pub mod audio_sink;
pub mod audio_source;
pub mod camera;
pub mod clock;
pub mod clock_offset;
pub mod content;
pub mod convert;
mod cushion;
pub mod delay_histogram;
pub mod delay_target;
pub mod echo;
pub mod events;
pub mod fragment;
pub mod frame;
pub mod h264;
mod h264_raw;
pub mod lateness;
pub mod level;
pub mod lip_sync;
pub mod marker;
pub mod meter;
pub mod microphone;
pub mod nal;
pub mod opus;
pub mod pace;
pub mod packet;
pub mod place;
pub mod priority;
pub mod quality;
pub mod rate;
pub mod record;
pub mod repair;
pub mod resample;
pub mod ringtone;
mod sample_clock;
pub mod scale;
pub mod scanner;
pub mod screen;
pub mod slot;
pub mod sound_devices;
mod sound_keeper;
mod sound_names;
pub mod speaker;
pub mod test_pattern;
pub mod time_stretch;
pub mod tone;
pub mod trace;
pub mod video_jitter;
pub mod video_playout;
pub mod video_receive;
mod video_receive_pipeline;
pub mod video_send;
mod video_send_pipeline;
pub mod video_source;
pub mod video_stats;
pub mod voice_decoder;
pub mod wav;
pub mod y4m;

#[cfg(test)]
mod long_call_tests;
#[cfg(test)]
mod video_tests;
