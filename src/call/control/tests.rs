use super::*;
use crate::signal::message::CandidateKind;
use proptest::prelude::*;

fn control() -> impl Strategy<Value = Control> {
    let echo = any::<Option<(u64, u32)>>().prop_map(|echo| echo.map(|(time_us, held_us)| Echo { time_us, held_us }));
    let audio = any::<Option<(u32, u64)>>().prop_map(|audio| audio.map(|(timestamp, time_us)| AudioClock { timestamp, time_us }));
    let candidate = (any::<[u8; 4]>(), 1u16.., any::<u32>()).prop_filter_map("one host", |(ip, port, priority)| {
        let ip = std::net::Ipv4Addr::from(ip);
        let one = !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast();
        one.then_some(Candidate { kind: CandidateKind::Host, address: (ip, port).into(), priority })
    });
    let description = (any::<[u8; 32]>(), "[a-zA-Z0-9+/]{1,32}", "[a-zA-Z0-9+/]{1,64}", prop::collection::vec(any::<u8>(), 0..8))
        .prop_map(|(fingerprint, ufrag, pwd, codecs)| Description { fingerprint, ufrag, pwd, codecs });
    prop_oneof![
        any::<u8>().prop_map(|reason| Control::Hangup { reason }),
        any::<(u32, bool, bool, bool)>().prop_map(|(version, microphone, camera, screen)| Control::State(MediaState {
            version,
            microphone,
            camera,
            screen
        })),
        (any::<(u16, u32, u64)>(), echo, audio).prop_map(|((epoch, step, time_us), echo, audio)| Control::Heartbeat(Heartbeat {
            epoch,
            step,
            time_us,
            echo,
            audio
        })),
        (any::<u32>(), prop::collection::vec(candidate.clone(), 0..=16))
            .prop_map(|(version, candidates)| Control::Candidates { version, candidates }),
        (any::<u32>(), description, prop::collection::vec(candidate, 0..=16))
            .prop_map(|(path, description, candidates)| Control::Restart { path, description, candidates }),
        any::<(u16, [u8; 32])>().prop_map(|(epoch, e_a)| Control::Rekey { epoch, e_a }),
        any::<(u16, [u8; 32])>().prop_map(|(epoch, e_b)| Control::RekeyOk { epoch, e_b }),
        any::<(u16, u32, u16)>().prop_map(|(shown_fps_x10, received_kbps, lost_per_10k)| {
            Control::Report(Report { shown_fps_x10, received_kbps, lost_per_10k })
        }),
        Just(Control::Repair { stream: StreamId::Camera }),
    ]
}

proptest! {
    #[test]
    fn every_control_message_is_read_back_as_written(control in control()) {
        let item = control.encode();
        prop_assert!(item.len().is_multiple_of(PADDING) && item.len() <= MAX_CONTROL);
        prop_assert_eq!(Control::decode(&item), Some(control));
    }

    #[test]
    fn what_is_no_control_message_is_dropped(mut item in prop::collection::vec(any::<u8>(), 128..=128), length in 0u8..40) {
        (item[0], item[1]) = (0, length);
        if let Some(control) = Control::decode(&item) {
            prop_assert_eq!(control.encode(), item);
        }
    }
}

#[test]
fn hang_up_mute_and_heartbeat_all_have_the_same_size() {
    let heartbeat = Heartbeat {
        echo: Some(Echo { time_us: 1, held_us: 2 }),
        audio: Some(AudioClock { timestamp: 3, time_us: 4 }),
        ..Heartbeat::default()
    };
    for control in [Control::Hangup { reason: 0 }, Control::State(MediaState::default()), Control::Heartbeat(heartbeat)] {
        assert_eq!(control.encode().len(), 128);
    }
}

#[test]
fn padding_that_is_not_zero_or_too_long_is_refused() {
    let mut item = Control::Hangup { reason: 0 }.encode();
    item[100] = 1;
    assert_eq!(Control::decode(&item), None);
    item[100] = 0;
    item.resize(256, 0);
    assert_eq!(Control::decode(&item), None);
}

#[test]
fn a_password_that_would_add_a_line_to_our_sdp_is_refused() {
    let description = Description { fingerprint: [0; 32], ufrag: "u".into(), pwd: "p\r\na=x".into(), codecs: vec![] };
    assert_eq!(Control::decode(&Control::Restart { path: 1, description, candidates: Vec::new() }.encode()), None);
}
