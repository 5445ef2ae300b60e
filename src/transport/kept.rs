//! The last packets of pictures that were sent, to be sent again: when asked for, or as a probe. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtc::rtp::Packet;

/// Two seconds at 2.5 Mbit/s and more.
const MOST: usize = 1024;
/// Older ones, by this beyond two round trips, come too late for anybody: whoever asked has moved on. Never older than that.
const USEFUL: Duration = Duration::from_millis(200);
const OLDEST: Duration = Duration::from_millis(900);

/// Sent packets, oldest first. They are numbered without gaps: after one, what was before is forgotten.
#[derive(Debug, Default)]
pub struct Kept {
    packets: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    packet: Packet,
    sent: Instant,
    again: Option<Instant>,
}

impl Kept {
    /// Keeps a packet that leaves.
    pub fn keep(&mut self, now: Instant, packet: Packet) {
        let last = self.packets.back().map(|last| last.packet.header.sequence_number);
        if last.is_some_and(|last| last.wrapping_add(1) != packet.header.sequence_number) {
            self.packets.clear();
        } else if self.packets.len() == MOST {
            self.packets.pop_front();
        }
        self.packets.push_back(Entry { packet, sent: now, again: None });
    }

    /// The packet with this number, if sending it again makes sense: not too late, and not within a round trip of the last time,
    /// for then the answer to an earlier request is still on its way.
    pub fn wanted(&mut self, now: Instant, sequence: u16, round_trip: Duration) -> Option<Packet> {
        let first = self.packets.front()?.packet.header.sequence_number;
        let entry = self.packets.get_mut(usize::from(sequence.wrapping_sub(first)))?;
        if entry.packet.header.sequence_number != sequence {
            return None;
        }
        let late = now.saturating_duration_since(entry.sent) > (USEFUL + round_trip * 2).min(OLDEST);
        let under_way = entry.again.is_some_and(|again| now.saturating_duration_since(again) < round_trip * 3 / 4);
        if late || under_way {
            return None;
        }
        entry.again = Some(now);
        Some(entry.packet.clone())
    }

    /// The newest packets: at least `packets` of them with `bytes` in all, if there are so many.
    pub fn newest(&self, packets: usize, bytes: usize) -> Vec<Packet> {
        let mut sum = 0;
        let enough = self.packets.iter().rev().enumerate().take_while(|(index, entry)| {
            let more = *index < packets || sum < bytes;
            sum += entry.packet.payload.len();
            more
        });
        let mut newest: Vec<Packet> = enough.map(|(_, entry)| entry.packet.clone()).collect();
        // The same ones again, if there are few.
        while !newest.is_empty() && newest.len() < packets {
            newest.extend_from_within(..1);
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const ROUND_TRIP: Duration = Duration::from_millis(60);

    fn kept(count: u16, now: Instant) -> Kept {
        let mut kept = Kept::default();
        for index in 0..count {
            let header = rtc::rtp::header::Header { sequence_number: 65_000u16.wrapping_add(index), ..Default::default() };
            kept.keep(now, Packet { header, payload: Bytes::from(vec![0; 1000]) });
        }
        kept
    }

    #[test]
    fn a_packet_is_sent_again_once_a_round_trip() {
        let now = Instant::now();
        let mut kept = kept(2000, now);
        let mut ask = |ms, sequence| kept.wanted(now + Duration::from_millis(ms), sequence, ROUND_TRIP).is_some();
        assert!(ask(50, 1463), "the newest, past the wrap");
        assert!(!ask(70, 1463), "asked again within a round trip");
        assert!(ask(120, 1463));
        assert!(!ask(120, 65_000) && !ask(120, 1464), "forgotten, or never sent");
        assert!(!ask(400, 1400), "too late for anybody");
    }

    #[test]
    fn a_probe_is_made_of_the_newest_packets() {
        let kept = kept(20, Instant::now());
        assert_eq!(kept.newest(6, 0).len(), 6);
        assert_eq!(kept.newest(6, 9500).len(), 10);
        assert_eq!(kept.newest(6, 1_000_000).len(), 20);
        assert_eq!(self::kept(2, Instant::now()).newest(6, 0).len(), 6);
        assert!(Kept::default().newest(6, 100).is_empty());
    }
}
