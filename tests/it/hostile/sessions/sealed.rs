//! What a contact who has the keys says under the seal, and what the victim does with it.

use std::time::Instant;

use vesper::call::control::{Heartbeat, MediaState, Report};
use vesper::call::{Control, Input};
use vesper::e2ee::{Sealer, StreamId};
use vesper::media::audio_jitter::VoicePacket;
use vesper::media::audio_payload::unpack;
use vesper::media::fragment::{FrameKind, cut};
use vesper::media::nal::MAX_UNIT;
use vesper::media::packet::IncomingPacket;
use vesper::media::voice_decoder::samples_of;
use vesper::signal::message::Description;
use zeroize::Zeroizing;

use super::World;
use crate::hostile::Dice;

impl World {
    /// One sealed item: honestly sealed, whatever it holds; or spoilt after it was.
    fn seal(dice: &mut Dice, sealer: &mut Sealer, now: Instant, meta: u8, mut plain: Vec<u8>) -> Vec<u8> {
        if dice.chance(70) {
            dice.spoil(&mut plain);
        }
        let mut item = Vec::new();
        sealer.seal(now, meta, &plain, &mut item).unwrap();
        if dice.chance(20) {
            dice.spoil(&mut item);
        }
        item
    }

    /// Sealed words, sound and pictures of somebody who has the keys.
    pub(super) fn harass(&mut self) {
        for _ in 0..self.dice.below(24) {
            let (Some(attack), Some(session)) = (&mut self.attack, &mut self.session) else { return };
            if attack.call != session.call {
                return;
            }
            let (dice, now) = (&mut self.dice, self.now);
            let mut plain = Vec::new();
            match dice.below(3) {
                0 => {
                    let control = some_control(dice);
                    let item = Self::seal(dice, &mut attack.control, now, 0, control.encode());
                    if session.control.open(now, 0, &item, &mut plain).is_ok() {
                        self.opened += 1;
                        self.hear(&plain);
                    }
                }
                1 => {
                    let sound = (0..=dice.below(250)).map(|_| dice.next() as u8 & 3).collect();
                    let item = Self::seal(dice, &mut attack.sound, now, 0, sound);
                    if let Ok(number) = session.sound.open(now, 0, &item, &mut plain) {
                        self.opened += 1;
                        for (back, opus) in unpack(&plain) {
                            let Some(number) = number.0.checked_sub(back.into()) else { break };
                            let Some(samples) = samples_of(opus) else { continue };
                            let timestamp = (number as u32).wrapping_mul(960);
                            let packet = VoicePacket { timestamp, samples, opus: opus.to_vec(), copy: back > 0 };
                            let _ = session.voice.insert(self.media_now, number, packet);
                        }
                        let _ = session.voice.next(self.media_now);
                        assert!(session.voice.kept() <= 150);
                    }
                }
                _ => {
                    let kind = [FrameKind::Keyframe, FrameKind::Delta, FrameKind::Repair][dice.below(3)];
                    let length = dice.below(6000);
                    let unit = [&[0, 0, 0, 1, 0x65][..], &vec![dice.next() as u8; length]].concat();
                    let item = Self::seal(dice, &mut attack.camera, now, kind.meta(), unit);
                    for payload in cut(&item, kind) {
                        attack.sequence = attack.sequence.wrapping_add(if dice.chance(10) { dice.next() as u16 } else { 1 });
                        let mut payload = payload.to_vec();
                        if dice.chance(10) {
                            dice.spoil(&mut payload);
                        }
                        let (sequence, timestamp) = (attack.sequence, (self.media_now.0 / 11) as u32);
                        let packet = IncomingPacket {
                            sequence,
                            timestamp,
                            marker: false,
                            payload: payload.into(),
                            arrived: self.media_now,
                        };
                        session.pictures.push(packet);
                    }
                    while let Some(frame) = session.pictures.pop(self.media_now) {
                        assert!(frame.data.len() <= 4 * MAX_UNIT);
                        if session.camera.open(now, frame.kind.meta(), &frame.data, &mut plain).is_ok() {
                            self.opened += 1;
                            let _ = session.gate.check(self.media_now, &plain);
                        }
                    }
                }
            }
        }
    }

    /// What the engine does with a control item that opened.
    fn hear(&mut self, plain: &[u8]) {
        let Some(control) = Control::decode(plain) else { return };
        let Some(session) = &mut self.session else { return };
        let call = session.call;
        match control {
            Control::Rekey { epoch, e_a } => {
                let fresh = || Zeroizing::new([9; 32]);
                let _ = session.rekeying.answer(self.now, &mut session.keyring, (epoch, e_a), fresh);
            }
            Control::RekeyOk { epoch, e_b } => session.rekeying.settle(self.now, &mut session.keyring, (epoch, e_b)),
            Control::Heartbeat(heartbeat) => session.keyring.learn(self.now, (heartbeat.epoch, heartbeat.step)),
            control => self.step(1, Input::Control { call, control }),
        }
    }
}

fn some_control(dice: &mut Dice) -> Control {
    let n = dice.next();
    match dice.below(9) {
        // Rarely, so that sessions last.
        0 if dice.chance(20) => Control::Hangup { reason: n as u8 },
        1 => Control::State(MediaState { version: n as u32, microphone: true, camera: true, screen: false }),
        2 => Control::Heartbeat(Heartbeat { epoch: n as u16, step: n as u32, time_us: n, echo: None, audio: None }),
        3 => Control::Candidates { version: n as u32, candidates: vec![] },
        4 => {
            let description = Description { fingerprint: [n as u8; 32], ufrag: "u".into(), pwd: "p".into(), codecs: vec![] };
            Control::Restart { path: n as u32, description, candidates: vec![] }
        }
        5 => Control::Rekey { epoch: (n & 3) as u16, e_a: [n as u8; 32] },
        6 => Control::RekeyOk { epoch: (n & 3) as u16, e_b: [n as u8; 32] },
        7 => Control::Report(Report { shown_fps_x10: n as u16, received_kbps: n as u32, lost_per_10k: n as u16 }),
        _ => Control::Repair { stream: StreamId::Camera },
    }
}
