//! What to offer of all that a sound system lists, and under which names.

/// Whether a person knows the ALSA device `id` as a device.
///
/// ALSA lists every plugin, and each card a dozen times: what it calls the default one counts, and of each card its devices
/// with conversions (the hardware alone may know neither our rate nor our channels).
pub(super) fn is_offered(id: &str) -> bool {
    let card = id.strip_prefix("plughw:CARD=").and_then(|rest| rest.split_once(','));
    // The same cards are listed once more by number.
    id == "default" || card.is_some_and(|(card, _)| card.parse::<u32>().is_err())
}

/// Whether the source `id` of a sound server is what a speaker plays, and no microphone: PulseAudio and PipeWire list one for
/// each speaker, and whoever chose it would send the others their own voices.
pub(super) fn is_monitor(id: &str) -> bool {
    id.ends_with(".monitor")
}

/// The names with a number behind each that was there before: two headsets of one make are two choices.
pub(super) fn numbered(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashMap::<String, u32>::new();
    let number = |name: String| {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} ({count})") }
    };
    names.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_that_alsa_lists_the_default_and_each_device_of_a_card_are_offered_once() {
        let listed = [
            "null",
            "lavrate",
            "pulse",
            "default",
            "hw:CARD=Headset,DEV=0",
            "plughw:CARD=Headset,DEV=0",
            "plughw:CARD=Headset,DEV=1",
            "default:CARD=Headset",
            "sysdefault:CARD=Headset",
            "front:CARD=Headset,DEV=0",
            "surround51:CARD=Headset,DEV=0",
            "dmix:CARD=Headset,DEV=0",
            "plughw:CARD=0,DEV=0",
        ];
        let offered: Vec<_> = listed.into_iter().filter(|id| is_offered(id)).collect();
        assert_eq!(offered, ["default", "plughw:CARD=Headset,DEV=0", "plughw:CARD=Headset,DEV=1"]);
    }

    #[test]
    fn what_a_speaker_plays_is_no_microphone() {
        assert!(is_monitor("alsa_output.pci-0000_00_1f.3.analog-stereo.monitor"));
        assert!(!is_monitor("alsa_input.usb-Blue_Yeti-00.analog-stereo"));
    }

    #[test]
    fn devices_of_one_name_can_be_told_apart() {
        let names = ["Headset", "Camera", "Headset", "Headset"].map(String::from);
        assert_eq!(numbered(names), ["Headset", "Camera", "Headset (2)", "Headset (3)"]);
    }
}
