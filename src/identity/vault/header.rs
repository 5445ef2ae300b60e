//! The part of a vault that is not the body: who may open it, and how.
//!
//! ```text
//! magic "vesper vault" | version u8 = 1 | slots u8, 1 to 4
//! slot: kind u8 (0 none, 1 passphrase, 2 keyring) | m KiB u32 | t u32 | p u32 | salt 32 | nonce 24 | data key 32 + tag 16, sealed
//! ```
//!
//! A slot's sealed data key is authenticated with the fields before its nonce. What opens it is, by kind:
//! none: H("vesper/1 vault none", salt), which keeps nobody out and shows damage; passphrase: Argon2id (RFC 9106) over the
//! passphrase in NFC as UTF-8; keyring: not in this version. Kinds other than passphrase have m = t = p = 0.

use argon2::{Algorithm, Argon2, Block, Params};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Problem;
use crate::identity::seal::{self, SealKey};
use crate::identity::{Reader, hash, random};

const MAGIC: &[u8; 12] = b"vesper vault";
const VERSION: u8 = 1;
const MAX_SLOTS: usize = 4;
const SEALED_KEY: usize = 32 + seal::OVERHEAD;

/// One way to get at the data key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    kind: Kind,
    cost: Cost,
    salt: [u8; 32],
    sealed_key: [u8; SEALED_KEY],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    None = 0,
    Passphrase = 1,
    Keyring = 2,
}

/// What one try of a passphrase costs whoever guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// About a fifth of a second on a laptop, and 64 MiB a guess.
    pub const NORMAL: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 4 };
    const NOTHING: Self = Self { memory_kib: 0, passes: 0, lanes: 0 };

    /// Refuses what would be guessed too cheaply, or would eat this computer's memory or time because a file says so.
    fn is_reasonable(self) -> bool {
        (8 << 10..=1 << 20).contains(&self.memory_kib) && (1..=10).contains(&self.passes) && (1..=8).contains(&self.lanes)
    }
}

impl Slot {
    /// A slot that opens without asking (`passphrase` is `None`), or for this passphrase.
    pub fn new(passphrase: Option<&str>, cost: Cost, data_key: &SealKey) -> Result<Self, Problem> {
        let (kind, cost) = if passphrase.is_some() { (Kind::Passphrase, cost) } else { (Kind::None, Cost::NOTHING) };
        let mut slot = Self { kind, cost, salt: random(), sealed_key: [0; SEALED_KEY] };
        let sealed = seal::seal(&slot.key(passphrase)?, &slot.fields(), &**data_key);
        slot.sealed_key.copy_from_slice(&sealed);
        Ok(slot)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The data key, or `None` if this passphrase does not open it. Costs what the slot says.
    pub fn open(&self, passphrase: Option<&str>) -> Result<Option<SealKey>, Problem> {
        let opened = seal::open(&self.key(passphrase)?, &self.fields(), &self.sealed_key);
        Ok(opened.and_then(|key| key.as_slice().try_into().ok()).map(Zeroizing::new))
    }

    fn key(&self, passphrase: Option<&str>) -> Result<SealKey, Problem> {
        let Some(passphrase) = passphrase else { return Ok(Zeroizing::new(hash(&[b"vesper/1 vault none", &self.salt]))) };
        // Room for all of it at once: a string that grows leaves copies behind. NFC makes no text three times as long.
        let mut normal = Zeroizing::new(String::with_capacity(3 * passphrase.len()));
        normal.extend(passphrase.nfc());
        let Cost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(32)).expect("the cost is a reasonable one");
        let mut key = Zeroizing::new([0; 32]);
        // What it computes with is enough to try passphrases cheaply, or to end the computation.
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(params.block_count()).map_err(|_| Problem::NoMemory)?;
        memory.resize(params.block_count(), Block::default());
        Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into_with_memory(normal.as_bytes(), &self.salt, &mut *key, memory.as_mut_slice())
            .map_err(|_| Problem::NoMemory)?;
        Ok(key)
    }

    fn fields(&self) -> Vec<u8> {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let costs = [memory_kib, passes, lanes].map(u32::to_be_bytes).concat();
        [&[self.kind as u8], costs.as_slice(), &self.salt].concat()
    }
}

/// The header as it stands in the file.
pub(super) fn encode(slots: &[Slot]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend([VERSION, slots.len() as u8]);
    for slot in slots {
        out.extend(slot.fields());
        out.extend(slot.sealed_key);
    }
    out
}

/// Reads the header; what `file` still holds then is the sealed body. Nothing a file says is allocated for or computed before it is checked.
pub(super) fn decode(file: &mut Reader) -> Result<Vec<Slot>, Problem> {
    let magic = file
        .bytes(MAGIC.len())
        .map_err(|_| if MAGIC.starts_with(file.unread()) { Problem::Damaged } else { Problem::NotAVault })?;
    if magic != MAGIC {
        return Err(Problem::NotAVault);
    }
    match file.u8() {
        Ok(VERSION) => {}
        Ok(version) if version > VERSION => return Err(Problem::Newer),
        _ => return Err(Problem::Damaged),
    }
    let count = file.u8().ok().map(usize::from).filter(|count| (1..=MAX_SLOTS).contains(count)).ok_or(Problem::Damaged)?;
    (0..count).map(|_| slot(file)).collect()
}

fn slot(file: &mut Reader) -> Result<Slot, Problem> {
    let (kind, memory_kib, passes, lanes) = (file.u8()?, file.u32()?, file.u32()?, file.u32()?);
    let (salt, sealed_key) = (file.array()?, file.array()?);
    let cost = Cost { memory_kib, passes, lanes };
    let kind = match kind {
        0 => Kind::None,
        1 => Kind::Passphrase,
        2 => Kind::Keyring,
        _ => return Err(Problem::Damaged),
    };
    match kind {
        Kind::Passphrase if !cost.is_reasonable() => Err(Problem::Unreasonable),
        Kind::None | Kind::Keyring if cost != Cost::NOTHING => Err(Problem::Damaged),
        _ => Ok(Slot { kind, cost, salt, sealed_key }),
    }
}
