//! What comes out of the codec is what went in, also past losses.

use super::*;
use crate::media::marker;
use crate::media::test_pattern::TestPattern;
use std::time::Duration;

const START: MediaTime = MediaTime(1_700_000_000_000_000);

/// Encodes `count` frames of the test pattern, calling `each` before each one.
fn encode(count: u32, kbps: u32, mut each: impl FnMut(u32, &mut Encoder)) -> Vec<(Frame, Vec<u8>, Encoded)> {
    let mut pattern = TestPattern::new(640, 360);
    let mut frame = Frame::black(640, 360);
    let mut encoder = Encoder::new(&frame, 30, kbps).unwrap();
    (0..count)
        .map(|n| {
            frame.captured = START + Duration::from_micros(u64::from(n) * 33_333);
            pattern.draw(frame.captured, &mut frame);
            each(n, &mut encoder);
            let mut unit = Vec::new();
            let encoded = encoder.encode(&frame, &mut unit).unwrap();
            (frame.clone(), unit, encoded)
        })
        .collect()
}

fn psnr(frame: &Frame, picture: &Picture) -> f64 {
    let mut copy = Frame::black(16, 16);
    picture.copy_to(&mut copy);
    let squares: f64 = frame.planes().0.iter().zip(copy.planes().0).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) / (squares / frame.planes().0.len() as f64).max(1e-9)).log10()
}

#[test]
fn every_frame_comes_back_at_once_and_looks_like_what_went_in() {
    let mut decoder = Decoder::new().unwrap();
    for (index, (frame, unit, encoded)) in encode(60, 1000, |_, _| {}).iter().enumerate() {
        assert_eq!(*encoded, Encoded::Unit(if index == 0 { FrameKind::Keyframe } else { FrameKind::Delta }));
        let decoded = decoder.decode(START, unit).unwrap();
        let picture = decoded.picture.expect("a picture a unit");
        assert!(!decoded.damaged);
        assert_eq!(marker::read(&picture), Some(index as u16));
        let (psnr, least) = (psnr(frame, &picture), if index < 6 { 28.0 } else { 33.0 });
        assert!(psnr >= least, "frame {index}: {psnr:.1} dB");
    }
}

/// How many pieces of four by four pixels of `b` are nothing like those of `a`.
fn specks(a: &[u8], b: &[u8], width: usize) -> usize {
    let height = a.len() / width;
    let off = |x: usize, y: usize| {
        let pixels = (0..4).flat_map(|row| (0..4).map(move |column| (y * 4 + row) * width + x * 4 + column));
        pixels.map(|at| u32::from(a[at].abs_diff(b[at]))).sum::<u32>() / 16
    };
    (0..height / 4).flat_map(|y| (0..width / 4).map(move |x| (x, y))).filter(|(x, y)| off(*x, *y) > 20).count()
}

#[test]
fn at_a_low_rate_nothing_of_a_moving_picture_is_left_behind() {
    let (mut pattern, mut frame) = (TestPattern::new(1280, 720), Frame::black(1280, 720));
    let mut encoder = Encoder::new(&frame, 30, 2000).unwrap();
    let (mut decoder, mut unit, mut copy) = (Decoder::new().unwrap(), Vec::new(), Frame::black(16, 16));
    let (mut luma, mut chroma) = (0, 0);
    for n in 0..300u64 {
        frame.captured = START + Duration::from_micros(n * 33_333);
        pattern.draw(frame.captured, &mut frame);
        encoder.set_rate(Rate { kbps: if n < 60 { 2000 } else { 600 }, fps: 30 });
        encoder.encode(&frame, &mut unit).unwrap();
        decoder.decode(frame.captured, &unit).unwrap().picture.unwrap().copy_to(&mut copy);
        if n >= 90 {
            luma += specks(frame.planes().0, copy.planes().0, 1280);
            chroma += specks(frame.planes().1, copy.planes().1, 640) + specks(frame.planes().2, copy.planes().2, 640);
        }
    }
    println!("{luma} specks of brightness and {chroma} of colour in 210 pictures");
    assert!(luma + chroma <= 210, "{luma} specks of brightness and {chroma} of colour in 210 pictures");
}

#[test]
fn the_first_picture_is_as_small_at_any_rate_and_no_frame_is_left_out_for_it() {
    let [slow, fast] = [300, 3000].map(|kbps| encode(60, kbps, |_, _| {}));
    assert_eq!(slow[0].1.len(), fast[0].1.len());
    assert!(fast.iter().all(|unit| unit.2 != Encoded::Skipped));
}

#[test]
fn the_encoder_takes_a_higher_rate_and_a_lower_one() {
    let units = encode(30, 500, |n, encoder| {
        assert!(n < 2 || encoder.told == Some(encoder.rate), "frame {n}");
        encoder.set_rate(Rate { kbps: [500, 4000, 200][n as usize / 10], fps: 30 });
    });
    assert_eq!(units.iter().filter(|unit| unit.2 == Encoded::Unit(FrameKind::Keyframe)).count(), 1);
}

#[test]
fn a_new_bitrate_holds_without_a_keyframe() {
    let units = encode(240, 1200, |n, encoder| {
        if n == 120 {
            encoder.set_rate(Rate { kbps: 60, fps: 30 });
        }
    });
    let bytes = |range: std::ops::Range<usize>| units[range].iter().map(|(_, unit, _)| unit.len()).sum::<usize>();
    assert!(bytes(180..240) * 2 < bytes(60..120), "{} then {}", bytes(60..120), bytes(180..240));
    assert_eq!(units.iter().filter(|unit| unit.2 == Encoded::Unit(FrameKind::Keyframe)).count(), 1);
}

#[test]
fn the_rate_is_used_however_few_frames_there_are() {
    for (fps, size, kbps) in [(30, (640, 360), 300), (12, (640, 360), 100), (6, (320, 180), 30)] {
        let (mut pattern, mut frame) = (TestPattern::new(size.0, size.1), Frame::black(size.0, size.1));
        let (mut encoder, mut unit, mut bytes) = (Encoder::new(&frame, 30, kbps).unwrap(), Vec::new(), 0);
        for n in 0..fps * 12 {
            frame.captured = START + Duration::from_secs(1) * n / fps;
            pattern.draw(frame.captured, &mut frame);
            encoder.set_rate(Rate { kbps, fps });
            encoder.encode(&frame, &mut unit).unwrap();
            bytes += if n >= fps * 4 { unit.len() as u32 } else { 0 };
        }
        let used = bytes / 10 / kbps;
        println!("{fps}/s: {used} % of {kbps} kbit/s");
        assert!((75..120).contains(&used), "{fps}/s: {used} % of {kbps} kbit/s");
    }
}

#[test]
fn a_keyframe_comes_when_asked_for_and_starts_a_decoder() {
    let units = encode(12, 800, |n, encoder| {
        if n == 10 {
            encoder.request_keyframe();
        }
    });
    assert_eq!(units[10].2, Encoded::Unit(FrameKind::Keyframe));
    let mut decoder = Decoder::new().unwrap();
    assert!(decoder.decode(START, &units[9].1).is_err(), "nothing is decoded before a keyframe");
    let decoded = decoder.decode(START, &units[10].1).unwrap();
    assert_eq!((decoded.damaged, decoded.picture.and_then(|picture| marker::read(&picture))), (false, Some(10)));
}

#[test]
fn a_keyframe_that_was_asked_for_is_as_small_at_a_high_rate_as_at_a_low_one() {
    let mut noise = 1u32;
    let [slow, fast] = [600, 8000].map(|kbps| {
        let mut frame = Frame::black(640, 360);
        let (mut encoder, mut unit) = (Encoder::new(&frame, 30, kbps).unwrap(), Vec::new());
        for n in 0..40u64 {
            frame.captured = START + Duration::from_micros(n * 33_333);
            frame.planes_mut().0.iter_mut().for_each(|luma| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *luma = 96 + (noise >> 28) as u8;
            });
            if n == 39 {
                encoder.request_keyframe();
            }
            encoder.encode(&frame, &mut unit).unwrap();
        }
        unit.len()
    });
    println!("{slow} bytes at 600 kbit/s, {fast} at 8000");
    assert!(fast * 4 <= slow * 5, "{slow} and {fast}");
}

#[test]
fn another_size_and_other_colours_go_through_with_a_keyframe() {
    let mut encoder = Encoder::new(&Frame::black(320, 180), 30, 500).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut unit = Vec::new();
    for (n, (width, matrix, full_range)) in
        [(320, Matrix::Bt709, false), (640, Matrix::Bt601, true), (640, Matrix::Bt709, true), (160, Matrix::Bt601, false)]
            .into_iter()
            .enumerate()
    {
        let captured = START + Duration::from_millis(33 * n as u64);
        let frame = Frame { matrix, full_range, captured, ..Frame::black(width, 180) };
        assert_eq!(encoder.encode(&frame, &mut unit).unwrap(), Encoded::Unit(FrameKind::Keyframe));
        let picture = decoder.decode(captured, &unit).unwrap().picture.unwrap();
        assert_eq!((picture.width, picture.height, picture.matrix, picture.full_range), (width, 180, matrix, full_range));
    }
}

#[test]
fn after_a_lost_frame_the_decoder_says_so_and_still_gives_pictures() {
    let units = encode(30, 800, |_, _| {});
    let mut decoder = Decoder::new().unwrap();
    let (mut damaged, mut pictures) = (0, 0);
    for (index, (_, unit, _)) in units.iter().enumerate().filter(|(index, _)| *index != 10) {
        let decoded = decoder.decode(START, unit).unwrap();
        pictures += usize::from(decoded.picture.is_some());
        damaged += usize::from(decoded.damaged);
        assert!(index > 10 || !decoded.damaged);
    }
    assert!(damaged >= 1 && pictures >= 28, "{damaged} damaged, {pictures} pictures");
}

#[test]
fn a_repair_brings_the_picture_back_for_less_than_a_keyframe() {
    // Asked for by who knows the last frame, made unasked by who knows of a reference alone, and a keyframe.
    let cases = [(FrameKind::Repair, false), (FrameKind::Repair, true), (FrameKind::Keyframe, false)];
    let [repaired, unasked, whole] = cases.map(|(wanted, unasked)| {
        let (mut pattern, mut frame) = (TestPattern::new(640, 360), Frame::black(640, 360));
        let (mut encoder, mut decoder) = (Encoder::new(&frame, 30, 800).unwrap(), Decoder::new().unwrap());
        let (mut unit, mut last, mut kept, mut length) = (Vec::new(), 0, (0, 0), 0);
        for n in 0..90u64 {
            frame.captured = START + Duration::from_micros(n * 33_333);
            pattern.draw(frame.captured, &mut frame);
            match (n, wanted) {
                (63, FrameKind::Repair) if unasked => encoder.repair_unasked(kept.1 + 1),
                (63, FrameKind::Repair) => encoder.request_repair(last),
                (63, _) => encoder.request_keyframe(),
                _ => {}
            }
            let encoded = encoder.encode(&frame, &mut unit).unwrap();
            if (58..61).contains(&n) {
                continue;
            }
            let decoded = decoder.decode(frame.captured, &unit).unwrap();
            if n == 63 {
                assert_eq!((encoded, decoded.damaged), (Encoded::Unit(wanted), false));
                length = unit.len();
            } else if n > 63 {
                assert_eq!(encoded, Encoded::Unit(FrameKind::Delta), "frame {n}: the reference is still there");
            }
            if !(58..63).contains(&n) {
                assert!(!decoded.damaged);
                last = decoded.frame;
                if let Some(frame) = decoded.kept {
                    kept = (kept.0 + 1, frame);
                    encoder.confirm(frame);
                }
                let psnr = psnr(&frame, &decoded.picture.unwrap());
                assert!(psnr >= 28.0, "frame {n}: {psnr:.1} dB");
            }
        }
        assert!(kept.0 >= 4, "{} references", kept.0);
        length
    });
    println!("{repaired} and {unasked} bytes for a repair, {whole} for a keyframe");
    assert!(unasked < repaired && repaired < whole, "{unasked}, {repaired} and {whole}");
}

#[test]
fn a_repair_that_nobody_asked_for_is_small_although_the_pictures_were_large() {
    let [asked, unasked] = [true, false].map(|asked| {
        let (mut pattern, mut frame) = (TestPattern::new(640, 360), Frame::black(640, 360));
        let (mut encoder, mut decoder) = (Encoder::new(&frame, 30, 6000).unwrap(), Decoder::new().unwrap());
        let (mut unit, mut kept, mut noise) = (Vec::new(), 0, 1u32);
        for n in 0..60u64 {
            frame.captured = START + Duration::from_micros(n * 33_333);
            pattern.draw(frame.captured, &mut frame);
            for luma in &mut frame.planes_mut().0[..640 * 180] {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *luma = luma.wrapping_add((noise >> 28) as u8).max(16);
            }
            match (n, asked) {
                (50, true) => encoder.request_repair(kept + 1),
                (50, false) => encoder.repair_unasked(kept + 1),
                _ => {}
            }
            let encoded = encoder.encode(&frame, &mut unit).unwrap();
            let decoded = decoder.decode(frame.captured, &unit).unwrap();
            assert!(!decoded.damaged, "frame {n}");
            if n == 50 {
                assert_eq!(encoded, Encoded::Unit(FrameKind::Repair));
                return unit.len();
            }
            if let Some(frame) = decoded.kept {
                kept = frame;
                encoder.confirm(frame);
            }
        }
        unreachable!("the fiftieth frame is a repair");
    });
    println!("{asked} bytes for a repair, {unasked} if nobody asked");
    assert!(unasked * 3 < asked, "{unasked} and {asked}");
}

#[test]
fn a_reference_that_got_lost_is_not_what_a_repair_is_made_from() {
    let (mut pattern, mut frame) = (TestPattern::new(640, 360), Frame::black(640, 360));
    let (mut encoder, mut decoder) = (Encoder::new(&frame, 30, 800).unwrap(), Decoder::new().unwrap());
    let (mut unit, mut last, mut repairs) = (Vec::new(), 0, 0);
    for n in 0..300u64 {
        frame.captured = START + Duration::from_micros(n * 33_333);
        pattern.draw(frame.captured, &mut frame);
        // Of each twenty frames, eight get lost, with whatever they mark; the answer comes two frames later.
        let phase = n % 20;
        if n > 20 && phase == 14 {
            encoder.request_repair(last);
        }
        let encoded = encoder.encode(&frame, &mut unit).unwrap();
        repairs += u64::from(encoded == Encoded::Unit(FrameKind::Repair));
        if n > 20 && (4..12).contains(&phase) {
            continue;
        }
        let decoded = decoder.decode(frame.captured, &unit).unwrap();
        if n <= 20 || !(4..14).contains(&phase) {
            let psnr = psnr(&frame, &decoded.picture.unwrap());
            assert!(!decoded.damaged && psnr >= 26.0, "frame {n}: {psnr:.1} dB");
            last = decoded.frame;
            if let Some(frame) = decoded.kept {
                encoder.confirm(frame);
            }
        }
    }
    assert_eq!(repairs, 14);
}

#[test]
fn a_repair_asked_for_long_after_the_last_reference_is_a_keyframe() {
    let units = encode(6, 800, |n, encoder| {
        if n == 3 {
            encoder.since_reference = OLDEST_REFERENCE;
            encoder.request_repair(2);
        }
        if n == 5 {
            encoder.request_repair(1);
        }
    });
    let kinds: Vec<Encoded> = units[3..].iter().map(|unit| unit.2).collect();
    assert_eq!(kinds, [FrameKind::Keyframe, FrameKind::Delta, FrameKind::Repair].map(Encoded::Unit));
}
