//! How often somebody may come: so often from one place, and so often from all of them together. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use super::rate::RateLimit;
use crate::identity::PublicKey;

/// Places that are remembered at once. Beyond, the one that was quiet for longest is forgotten, and is new when it comes again.
const REMEMBERED: usize = 256;

/// Where somebody comes from, as finely as it is hard to come from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    /// The first half of an address: whoever has one has the other 2⁶⁴ of its network, too.
    V6(u64),
    /// A relay vouches for this key.
    Relayed(PublicKey),
}

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }
}

/// A share for each source, of what there is for all.
#[derive(Debug)]
pub(crate) struct Sources {
    each_per_second: u32,
    all: RateLimit,
    each: BTreeMap<Source, RateLimit>,
}

impl Sources {
    /// Lets so many in a second through of one source, and so many of all.
    pub fn new(each_per_second: u32, all_per_second: u32) -> Self {
        Self { each_per_second, all: RateLimit::new(all_per_second), each: BTreeMap::new() }
    }

    /// Takes a permit of `source`, if there is one at `now`. What one has too much takes nothing from the others.
    pub fn allow(&mut self, source: Source, now: Instant) -> bool {
        if self.each.len() == REMEMBERED && !self.each.contains_key(&source) {
            let quietest = self.each.iter().min_by_key(|(_, limit)| limit.last()).map(|(source, _)| *source);
            quietest.map(|source| self.each.remove(&source));
        }
        let limit = self.each.entry(source).or_insert_with(|| RateLimit::new(self.each_per_second));
        limit.allow(now) && self.all.allow(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ip: &str) -> Source {
        Source::from(ip.parse::<IpAddr>().unwrap())
    }

    /// How many of a thousand from `source` get through at `now`.
    fn flood(sources: &mut Sources, source: Source, now: Instant) -> usize {
        (0..1000).filter(|_| sources.allow(source, now)).count()
    }

    #[test]
    fn who_floods_has_a_share_and_leaves_the_others_theirs() {
        let (mut sources, now) = (Sources::new(10, 50), Instant::now());
        assert_eq!(flood(&mut sources, at("192.0.2.1"), now), 10);
        assert_eq!(flood(&mut sources, at("192.0.2.2"), now), 10);
        let later = now + Duration::from_millis(500);
        assert_eq!(flood(&mut sources, at("192.0.2.1"), later), 5);
        assert_eq!(flood(&mut sources, at("192.0.2.2"), later), 5);
    }

    #[test]
    fn all_together_get_no_more_than_there_is_for_all() {
        let (mut sources, now) = (Sources::new(10, 50), Instant::now());
        let many = (0..=255).map(|n| at(&format!("192.0.2.{n}")));
        assert_eq!(many.map(|source| flood(&mut sources, source, now)).sum::<usize>(), 50);
    }

    #[test]
    fn a_network_of_version_6_is_one_source_and_an_address_of_version_4_is_one_however_it_is_written() {
        assert_eq!(at("2001:db8:1:2::3"), at("2001:db8:1:2:4:5:6:7"));
        assert_ne!(at("2001:db8:1:2::3"), at("2001:db8:1:3::3"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_eq!(at("192.0.2.1"), at("::ffff:192.0.2.1"));
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_who_still_floods_is_not_forgotten() {
        let (mut sources, mut now) = (Sources::new(1, u32::MAX), Instant::now());
        assert_eq!(flood(&mut sources, at("192.0.2.1"), now), 1);
        for n in 0..1000 {
            now += Duration::from_micros(100);
            assert!(sources.allow(Source::V6(n), now), "somebody new");
            assert!(!sources.allow(at("192.0.2.1"), now));
        }
        assert_eq!(sources.each.len(), REMEMBERED);
        assert!(sources.allow(Source::V6(0), now), "who was quiet for longest is new again");
    }
}
