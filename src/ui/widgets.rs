//! Small pieces that the views are made of. Each tells its accessible name and role.

pub mod avatar;
pub mod button;
pub mod callout;
pub mod choice;
pub mod composer;
pub mod device_check;
pub mod dialog;
pub mod field;
pub mod label;
pub mod paint;
pub mod qr;
pub mod slider;
pub mod strength;
pub mod switch;
pub mod thread;
