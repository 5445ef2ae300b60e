//! When each piece of a picture leaves: spread out enough to spare queues, early enough not to be seen.

use std::time::Duration;

/// A picture of up to [`PROMPT`] pieces has left after this much.
const SPREAD: Duration = Duration::from_millis(8);
/// Pieces that leave within [`SPREAD`]: 94 kB, three quarters of what a queue of 200 ms holds at 5 Mbit/s.
const PROMPT: usize = 80;
/// Between two pieces of a picture of few: no point in hurrying them less than this.
const CLOSEST: Duration = Duration::from_micros(250);
/// Between two pieces beyond [`PROMPT`]: 4.7 Mbit/s, so that such a queue does not fill further.
const PATIENT: Duration = Duration::from_millis(2);

/// How long after the first of `count` pieces the one at `index` leaves.
pub(super) fn offset(index: usize, count: usize) -> Duration {
    let prompt = count.clamp(1, PROMPT) as u32;
    let step = CLOSEST.min(SPREAD / prompt);
    if index < PROMPT { step * index as u32 } else { SPREAD + PATIENT * (index - PROMPT) as u32 }
}

/// How many of `count` pieces have left `elapsed` after the first.
pub(super) fn due(elapsed: Duration, sent: usize, count: usize) -> usize {
    (sent..count).take_while(|index| offset(*index, count) <= elapsed).count() + sent
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: f64 = 1180.0;

    #[test]
    fn a_picture_of_any_usual_size_has_left_within_ten_milliseconds() {
        for count in 1..=PROMPT {
            assert!(offset(count - 1, count) <= Duration::from_millis(10), "{count} pieces");
        }
    }

    #[test]
    fn no_picture_overflows_a_queue_of_200_ms_at_5_mbit() {
        let (rate, limit) = (5e6 / 8.0, 0.2 * 5e6 / 8.0);
        for count in [1, 20, 80, 200, 400] {
            let peak = (0..count)
                .map(|index| (index + 1) as f64 * PIECE - rate * offset(index, count).as_secs_f64())
                .fold(0.0, f64::max);
            assert!(peak < limit, "{count} pieces: {peak} bytes wait");
        }
    }

    #[test]
    fn pieces_are_due_in_order_and_all_of_them_in_the_end() {
        assert_eq!(due(Duration::ZERO, 0, 40), 1);
        let midway = due(Duration::from_millis(4), 1, 40);
        assert!((15..30).contains(&midway));
        assert_eq!(due(Duration::from_secs(1), midway, 40), 40);
    }
}
