//! Control messages over the data channel: short, unordered, never sent twice by the channel itself.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, mpsc, watch};
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::config::PeerEvent;
use super::counters::Counters;

/// Longest control message, sealed (protocol.md, section 5.2).
pub(super) use crate::signal::message::MAX_CONTROL;
/// Room in the owner's queue that control messages leave to the rest.
const EVENT_RESERVE: usize = 32;

/// Hands control messages on once the other side has proven who it is. Those that came before wait in the channel. The channel
/// closes when the other side ends the connection: the library tells of that nowhere else.
pub(super) async fn read(
    channel: Arc<dyn DataChannel>,
    mut admitted: watch::Receiver<bool>,
    events: mpsc::Sender<PeerEvent>,
    goodbye: Arc<Notify>,
    counters: Arc<Counters>,
) {
    if admitted.wait_for(|admitted| *admitted).await.is_err() {
        return;
    }
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => {
                let _ = events.send(PeerEvent::ControlOpen).await;
            }
            DataChannelEvent::OnMessage(message) if message.data.len() <= MAX_CONTROL && events.capacity() > EVENT_RESERVE => {
                let _ = events.try_send(PeerEvent::Control(message.data.freeze()));
            }
            DataChannelEvent::OnMessage(_) => Counters::add(&counters.control_dropped, 1),
            DataChannelEvent::OnClose => goodbye.notify_one(),
            _ => {}
        }
    }
}

/// Sends control messages once the other side has proven who it is.
pub(super) async fn write(
    channel: Arc<dyn DataChannel>,
    mut admitted: watch::Receiver<bool>,
    mut outgoing: mpsc::Receiver<Bytes>,
    counters: Arc<Counters>,
) {
    if admitted.wait_for(|admitted| *admitted).await.is_err() {
        return;
    }
    while let Some(message) = outgoing.recv().await {
        if channel.try_send(BytesMut::from(&message[..])).await.is_err() {
            Counters::add(&counters.control_dropped, 1);
        }
    }
}
