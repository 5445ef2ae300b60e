//! `rtc`, as far as packets go.

pub use {rtc_rtcp as rtcp, rtc_rtp as rtp, rtc_shared as shared};
