//! Packets that stand in for lost ones: parity over the packets of one picture, sealed as they are. Pure.
//!
//! ```text
//! parity payload = u16 first || u8 count || u8 index || u8 parities, its top bit set if the block ends a picture || shard
//! shard of a packet = u16 length || payload || zeros to the longest of the block
//! ```
//!
//! Packet `i` of the block has the sequence number `first + i` and the parity's own timestamp; a block is a picture or a part of
//! a long one. One parity is the exclusive or of all shards; more are Reed-Solomon codes
//! (Leopard, Lin et al. 2016, as in `reed-solomon-simd`). Of `count + parities` packets any `count` give the whole block.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

/// Most packets of one block. A longer picture has several.
pub const MOST_PACKETS: usize = 96;
/// Most parities of one block.
pub const MOST_PARITIES: usize = 32;
const HEADER: usize = 5;
const ENDS: u8 = 0x80;
/// A shard is at most this long: a payload and its length.
const MOST_SHARD: usize = 1200;
/// Packets and blocks that are remembered: two seconds at the highest rate, and more than may be missing at once.
const REMEMBERED: i64 = 768;
const BLOCKS: usize = 64;

/// A packet that did not arrive, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// The parity payloads for a block of packets whose first has the number `first`; `ends` if its last ends a picture.
pub fn protect(first: u16, payloads: &[Bytes], parities: usize, ends: bool) -> Vec<Bytes> {
    let (count, parities) = (payloads.len(), parities.min(MOST_PARITIES));
    if count == 0 || count > MOST_PACKETS || parities == 0 {
        return Vec::new();
    }
    let length = shard_length(payloads.iter().map(Bytes::len).max().unwrap_or(0));
    let shards: Vec<Vec<u8>> = payloads.iter().map(|payload| shard(payload, length)).collect();
    let codes = if parities == 1 {
        vec![exclusive_or(shards.iter().map(Vec::as_slice), length)]
    } else {
        match reed_solomon_simd::encode(count, parities, &shards) {
            Ok(codes) => codes,
            Err(error) => {
                tracing::debug!(count, parities, %error, "no parity");
                return Vec::new();
            }
        }
    };
    let payload = |(index, code): (usize, Vec<u8>)| {
        let mut out = BytesMut::with_capacity(HEADER + code.len());
        out.put_u16(first);
        out.put_slice(&[count as u8, index as u8, parities as u8 | if ends { ENDS } else { 0 }]);
        out.put_slice(&code);
        out.freeze()
    };
    codes.into_iter().enumerate().map(payload).collect()
}

/// Gives lost packets back. What a peer sends is checked, bounded, and at worst of no use.
#[derive(Debug, Default)]
pub struct Recovery {
    /// By sequence number, counted on beyond 16 bits.
    packets: BTreeMap<i64, Bytes>,
    blocks: BTreeMap<i64, Block>,
    newest: Option<i64>,
}

#[derive(Debug)]
struct Block {
    count: usize,
    parities: usize,
    ends: bool,
    timestamp: u32,
    length: usize,
    codes: BTreeMap<usize, Bytes>,
}

impl Recovery {
    /// A packet arrived, by whatever way.
    pub fn media(&mut self, sequence: u16, payload: &Bytes) -> Vec<Recovered> {
        let number = self.extend(sequence);
        self.packets.insert(number, payload.clone());
        self.forget();
        let block = self.blocks.range(..=number).next_back().map(|(first, block)| (*first, number < first + block.count as i64));
        block.filter(|(_, within)| *within).map(|(first, _)| self.recover(first)).unwrap_or_default()
    }

    /// A parity arrived. Returns what it gives back, and the number of the last packet that it speaks of.
    pub fn parity(&mut self, timestamp: u32, payload: &Bytes) -> Option<(u16, Vec<Recovered>)> {
        let (&[a, b, count, index, parities], shard) = payload.split_first_chunk::<HEADER>()?;
        let (ends, parities) = (parities & ENDS != 0, parities & !ENDS);
        let (first, count, index, parities) = (u16::from_be_bytes([a, b]), count.into(), usize::from(index), parities.into());
        let sound = (1..=MOST_PACKETS).contains(&count)
            && (1..=MOST_PARITIES).contains(&parities)
            && index < parities
            && (2..=MOST_SHARD).contains(&shard.len())
            && shard.len().is_multiple_of(2);
        if !sound || self.newest.is_none() {
            return None;
        }
        let number = self.extend(first);
        let fresh = Block { count, parities, ends, timestamp, length: shard.len(), codes: BTreeMap::new() };
        let block = self.blocks.entry(number).or_insert(fresh);
        if (block.count, block.parities, block.length, block.timestamp) != (count, parities, shard.len(), timestamp) {
            return None;
        }
        block.codes.insert(index, payload.slice(HEADER..));
        let last = first.wrapping_add(count as u16 - 1);
        self.forget();
        Some((last, self.recover(number)))
    }

    fn extend(&mut self, sequence: u16) -> i64 {
        let newest = self.newest.unwrap_or(i64::from(sequence) + (1 << 20));
        let number = newest + i64::from(sequence.wrapping_sub(newest as u16) as i16);
        self.newest = Some(newest.max(number));
        number
    }

    fn forget(&mut self) {
        let oldest = self.newest.unwrap_or(0) - REMEMBERED;
        self.packets = self.packets.split_off(&oldest);
        self.blocks = self.blocks.split_off(&oldest);
        while self.blocks.len() > BLOCKS {
            self.blocks.pop_first();
        }
    }

    /// What is missing of the block at `first`, if enough of it is there. A block gives once.
    fn recover(&mut self, first: i64) -> Vec<Recovered> {
        let Some(block) = self.blocks.get(&first) else { return Vec::new() };
        let numbers = first..first + block.count as i64;
        let missing: Vec<i64> = numbers.clone().filter(|number| !self.packets.contains_key(number)).collect();
        if missing.is_empty() {
            self.blocks.remove(&first);
            return Vec::new();
        }
        if missing.len() > block.codes.len() {
            return Vec::new();
        }
        let there: Vec<(usize, Vec<u8>)> = numbers
            .filter_map(|number| Some(((number - first) as usize, shard_within(self.packets.get(&number)?, block.length)?)))
            .collect();
        let found = block.decode(&there, missing.len());
        let (count, timestamp, ends) = (block.count as i64, block.timestamp, block.ends);
        self.blocks.remove(&first);
        let recovered: Vec<(i64, Bytes)> =
            missing.into_iter().filter_map(|number| Some((number, unshard(found.get(&((number - first) as usize))?)?))).collect();
        self.packets.extend(recovered.iter().cloned());
        let packet = |(number, payload): (i64, Bytes)| Recovered {
            sequence: number as u16,
            timestamp,
            marker: ends && number == first + count - 1,
            payload,
        };
        recovered.into_iter().map(packet).collect()
    }
}

impl Block {
    /// The shards that are not in `there`, by index; nothing if it does not work out.
    fn decode(&self, there: &[(usize, Vec<u8>)], missing: usize) -> BTreeMap<usize, Vec<u8>> {
        if there.len() + missing != self.count {
            // A packet was longer than the parity allows: whoever sent this did not mean it.
            return BTreeMap::new();
        }
        if self.parities == 1 {
            let have: Vec<usize> = there.iter().map(|(index, _)| *index).collect();
            let lost = (0..self.count).find(|index| !have.contains(index));
            let all = there.iter().map(|(_, shard)| shard.as_slice()).chain(self.codes.values().map(|code| &code[..]));
            return lost.map(|lost| (lost, exclusive_or(all, self.length))).into_iter().collect();
        }
        let originals = there.iter().map(|(index, shard)| (*index, shard));
        let codes = self.codes.iter().map(|(index, code)| (*index, code));
        match reed_solomon_simd::decode(self.count, self.parities, originals, codes) {
            Ok(found) => found.into_iter().collect(),
            Err(error) => {
                tracing::debug!(%error, "parity gave nothing");
                BTreeMap::new()
            }
        }
    }
}

/// The code wants an even length.
fn shard_length(payload: usize) -> usize {
    (payload + 2).next_multiple_of(2)
}

fn shard(payload: &[u8], length: usize) -> Vec<u8> {
    let mut shard = Vec::with_capacity(length);
    shard.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    shard.extend_from_slice(payload);
    shard.resize(length, 0);
    shard
}

fn shard_within(payload: &[u8], length: usize) -> Option<Vec<u8>> {
    (payload.len() + 2 <= length).then(|| shard(payload, length))
}

fn unshard(shard: &[u8]) -> Option<Bytes> {
    let (length, rest) = shard.split_first_chunk::<2>()?;
    let payload = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    (!payload.is_empty()).then(|| Bytes::copy_from_slice(payload))
}

fn exclusive_or<'a>(shards: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
    shards.fold(vec![0; length], |mut sum, shard| {
        sum.iter_mut().zip(shard).for_each(|(sum, byte)| *sum ^= byte);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packets(count: usize) -> Vec<Bytes> {
        (0..count).map(|index| Bytes::from(vec![index as u8 ^ 0x5a; 1180 - index % 3])).collect()
    }

    /// Sends a block that starts at `first` and loses the packets and parities in `lost`.
    fn send(recovery: &mut Recovery, first: u16, count: usize, parities: usize, lost: &[usize]) -> Vec<Recovered> {
        let packets = packets(count);
        let mut found = Vec::new();
        for (index, packet) in packets.iter().enumerate().filter(|(index, _)| !lost.contains(index)) {
            found.extend(recovery.media(first.wrapping_add(index as u16), packet));
        }
        for (index, parity) in protect(first, &packets, parities, true).iter().enumerate() {
            if !lost.contains(&(count + index)) {
                found.extend(recovery.parity(7, parity).map(|(_, found)| found).unwrap_or_default());
            }
        }
        found
    }

    fn begun() -> Recovery {
        let mut recovery = Recovery::default();
        recovery.media(65_520, &Bytes::from_static(b"before"));
        recovery
    }

    #[test]
    fn as_many_packets_come_back_as_there_are_parities() {
        let cases: [(usize, usize, &[usize]); 6] = [
            (8, 1, &[3]),
            (1, 1, &[0]),
            (9, 3, &[0, 4, 8]),
            (9, 3, &[2, 9, 11]),
            (40, 8, &[0, 1, 2, 3, 4, 5, 6, 7]),
            (2, 2, &[0, 1]),
        ];
        for (count, parities, lost) in cases {
            let found = send(&mut begun(), 65_530, count, parities, lost);
            let lost: Vec<usize> = lost.iter().copied().filter(|index| *index < count).collect();
            let packets = packets(count);
            let wanted: Vec<Recovered> = lost
                .iter()
                .map(|index| Recovered {
                    sequence: 65_530u16.wrapping_add(*index as u16),
                    timestamp: 7,
                    marker: *index + 1 == count,
                    payload: packets[*index].clone(),
                })
                .collect();
            assert_eq!(found, wanted, "{count} packets, {parities} parities, {lost:?} lost");
        }
    }

    #[test]
    fn one_loss_too_many_gives_nothing_until_a_repair_comes() {
        let mut recovery = begun();
        assert!(send(&mut recovery, 10, 8, 1, &[2, 5]).is_empty());
        let found = recovery.media(12, &packets(8)[2]);
        assert_eq!(found.iter().map(|packet| packet.sequence).collect::<Vec<_>>(), [15]);
    }

    #[test]
    fn parity_says_which_packets_there_are() {
        let parity = &protect(100, &packets(5), 1, true)[0];
        let mut recovery = Recovery::default();
        recovery.media(99, &packets(1)[0]);
        assert_eq!(recovery.parity(7, parity).unwrap().0, 104);
    }

    #[test]
    fn a_parity_fits_where_a_payload_fits() {
        let length = protect(1, &packets(4), 2, false).iter().map(Bytes::len).max().unwrap();
        assert!(length + 12 + 16 + 8 + 40 <= 1280, "{length}");
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_recovery_panic_or_grow(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..60),
            numbers in prop::collection::vec(any::<u16>(), 60),
        ) {
            let mut recovery = begun();
            for (payload, number) in payloads.into_iter().zip(numbers) {
                let payload = Bytes::from(payload);
                recovery.parity(u32::from(number), &payload);
                recovery.media(number, &payload);
            }
            prop_assert!(recovery.packets.len() <= REMEMBERED as usize + 1 && recovery.blocks.len() <= BLOCKS);
        }
    }
}
