//! How picture and sound travel: sources, codecs, buffers, and the four pipelines.

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
pub mod keyframes;
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
pub mod quality;
pub mod rate;
pub mod record;
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
pub mod video_send;
pub mod video_source;
pub mod video_stats;
pub mod voice_decoder;
pub mod wav;
pub mod y4m;

#[cfg(test)]
mod long_call_tests;
#[cfg(test)]
mod speech_tests;
#[cfg(test)]
mod video_tests;
