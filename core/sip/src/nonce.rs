//! Nonces that need no memory until they are answered: a nonce carries its time and number and a keyed MAC
//! over them and the client's address. The time is that since the start of the machine, which no clock that is
//! set can move. Only the uses of *answered* nonces are remembered, in bounded room.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::Blake2sMac;
use blake2::digest::consts::U24;
use blake2::digest::{KeyInit, Mac};
use ringway_model::Moment;
use subtle::ConstantTimeEq;

const STAMP_BYTES: usize = 12;
const MAC_BYTES: usize = 24;
const TEXT_BYTES: usize = 48;

/// What is to be thought of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceState {
    /// Ours, for this address, and young enough.
    Fresh,
    /// Ours and for this address, but too old, of another shard, or its uses are forgotten. If the response
    /// is right otherwise, challenge again with `stale=true`.
    Stale,
    /// Not made with this key for this address: invented, stolen, or of an earlier process.
    Forged,
}

/// A nonce on its way out: 48 letters that are safe in URLs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceText([u8; TEXT_BYTES]);

impl NonceText {
    /// The letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for NonceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NonceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long nonces live, and how many answered ones are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceLimits {
    /// From minting; beyond it a nonce is stale.
    pub lifetime: Duration,
    /// Answered nonces whose uses are remembered. When one more comes, the oldest is forgotten, and no nonce
    /// as old as that one is accepted any more.
    pub answered: usize,
}

impl Default for NonceLimits {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(300), answered: 65_536 }
    }
}

/// The nonces of one shard.
pub struct Nonces {
    key: [u8; 32],
    shard: u8,
    minted: u64,
    limits: NonceLimits,
    /// By number, so that the oldest is the first.
    answered: BTreeMap<u64, Uses>,
    /// Nonces of this number and below are stale: what was counted of them is forgotten.
    forgotten: u64,
}

impl Nonces {
    /// Nonces under a key that is fresh chance in each process, with the default limits.
    pub fn new(key: [u8; 32], shard: u8) -> Self {
        Self::with_limits(key, shard, NonceLimits::default())
    }

    /// As [`Nonces::new`] with other limits.
    pub fn with_limits(key: [u8; 32], shard: u8, limits: NonceLimits) -> Self {
        Self { key, shard, minted: 0, limits, answered: BTreeMap::new(), forgotten: 0 }
    }

    /// A new nonce for a client at this address; its port may change.
    pub fn mint(&mut self, now: Moment, source: IpAddr) -> NonceText {
        self.minted += 1;
        let stamp =
            Stamp { time_ms: milliseconds(now.since_start()), shard: self.shard, number: self.minted }
                .to_bytes();
        let mut bytes = [0; STAMP_BYTES + MAC_BYTES];
        for (place, byte) in bytes.iter_mut().zip(stamp.into_iter().chain(self.mac(&stamp, source))) {
            *place = byte;
        }
        let mut text = [0; TEXT_BYTES];
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        debug_assert_eq!(written, Ok(TEXT_BYTES));
        NonceText(text)
    }

    /// What a nonce is worth that came from this address.
    pub fn check(&mut self, now: Moment, source: IpAddr, nonce: &str) -> NonceState {
        let Some((stamp, mac)) = decode(nonce) else { return NonceState::Forged };
        if !bool::from(self.mac(&stamp, source).ct_eq(&mac)) {
            return NonceState::Forged;
        }
        let stamp = Stamp::from_bytes(stamp);
        let age_ms = milliseconds(now.since_start()).saturating_sub(stamp.time_ms);
        let in_time = age_ms <= milliseconds(self.limits.lifetime);
        let known = stamp.shard == self.shard && stamp.number > self.forgotten;
        if in_time && known { NonceState::Fresh } else { NonceState::Stale }
    }

    /// Notes one use of a nonce that [`Nonces::check`] found fresh and whose response is right. False when
    /// this count was used before, lies more than 64 below the highest, is zero, or is forgotten: a replay.
    pub fn accept_nc(&mut self, nonce: &str, nc: u32) -> bool {
        let Some((stamp, _)) = decode(nonce) else { return false };
        let number = Stamp::from_bytes(stamp).number;
        if number <= self.forgotten {
            return false;
        }
        if let Some(uses) = self.answered.get_mut(&number) {
            return uses.note(nc);
        }
        let mut uses = Uses::default();
        let accepted = uses.note(nc);
        if accepted {
            self.answered.insert(number, uses);
            self.forget_beyond_limit();
        }
        accepted
    }

    fn forget_beyond_limit(&mut self) {
        while self.answered.len() > self.limits.answered.max(1)
            && let Some((number, _)) = self.answered.pop_first()
        {
            self.forgotten = number;
        }
    }

    fn mac(&self, stamp: &[u8; STAMP_BYTES], source: IpAddr) -> [u8; MAC_BYTES] {
        let mut mac = Blake2sMac::<U24>::new(&self.key.into());
        mac.update(stamp);
        match source.to_canonical() {
            IpAddr::V4(address) => mac.update(&address.octets()),
            IpAddr::V6(address) => mac.update(&address.octets()),
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({} minted, {} answered)", self.minted, self.answered.len())
    }
}

/// What a nonce says about itself: six bytes of milliseconds, the shard, five bytes of running number.
struct Stamp {
    time_ms: u64,
    shard: u8,
    number: u64,
}

impl Stamp {
    fn to_bytes(&self) -> [u8; STAMP_BYTES] {
        let [_, _, t0, t1, t2, t3, t4, t5] = self.time_ms.to_be_bytes();
        let [_, _, _, n0, n1, n2, n3, n4] = self.number.to_be_bytes();
        [t0, t1, t2, t3, t4, t5, self.shard, n0, n1, n2, n3, n4]
    }

    fn from_bytes([t0, t1, t2, t3, t4, t5, shard, n0, n1, n2, n3, n4]: [u8; STAMP_BYTES]) -> Self {
        Self {
            time_ms: u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]),
            shard,
            number: u64::from_be_bytes([0, 0, 0, n0, n1, n2, n3, n4]),
        }
    }
}

/// Which counts of one nonce were used: the highest, and a bit for each of the 64 up to it.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    highest: u32,
    used: u64,
}

impl Uses {
    fn note(&mut self, nc: u32) -> bool {
        if nc == 0 {
            return false;
        }
        if nc > self.highest {
            self.used = self.used.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let Some(bit) = 1u64.checked_shl(self.highest - nc) else { return false };
        let unused = self.used & bit == 0;
        self.used |= bit;
        unused
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn decode(nonce: &str) -> Option<([u8; STAMP_BYTES], [u8; MAC_BYTES])> {
    let mut bytes = [0; STAMP_BYTES + MAC_BYTES];
    let length =
        if nonce.len() == TEXT_BYTES { URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()? } else { 0 };
    let (stamp, mac) = bytes.get(..length)?.split_at_checked(STAMP_BYTES)?;
    Some((stamp.try_into().ok()?, mac.try_into().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(1_000 + seconds))
    }

    fn nonces() -> Nonces {
        Nonces::with_limits([7; 32], 3, NonceLimits { lifetime: Duration::from_secs(60), answered: 2 })
    }

    #[test]
    fn a_nonce_is_fresh_for_its_address_until_it_is_too_old() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(0), HOME);
        assert_eq!(nonce.as_str().len(), 48);
        assert!(
            nonce.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        );
        assert_eq!(nonces.check(at(60), HOME, nonce.as_str()), NonceState::Fresh);
        assert_eq!(nonces.check(at(61), HOME, nonce.as_str()), NonceState::Stale);
    }

    #[test]
    fn another_address_another_key_or_a_changed_letter_is_forgery() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(0), HOME);
        assert_eq!(nonces.check(at(0), AWAY, nonce.as_str()), NonceState::Forged);
        assert_eq!(Nonces::new([8; 32], 3).check(at(0), HOME, nonce.as_str()), NonceState::Forged);
        for position in 0..48 {
            let mut letters = nonce.as_str().as_bytes().to_vec();
            letters[position] = if letters[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(letters).unwrap();
            assert_eq!(nonces.check(at(0), HOME, &changed), NonceState::Forged, "letter {position}");
        }
        for text in ["", "x", &"é".repeat(24), &"=".repeat(48), &"A".repeat(48), &"A".repeat(64)] {
            assert_eq!(nonces.check(at(0), HOME, text), NonceState::Forged, "{text}");
            assert!(!nonces.accept_nc(text, 1));
        }
    }

    #[test]
    fn the_same_client_over_mapped_ipv6_keeps_its_nonce() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(0), HOME);
        assert_eq!(
            nonces.check(at(0), "::ffff:192.0.2.1".parse().unwrap(), nonce.as_str()),
            NonceState::Fresh
        );
    }

    #[test]
    fn another_shard_finds_it_stale() {
        let nonce = nonces().mint(at(0), HOME);
        let mut other = Nonces::new([7; 32], 4);
        assert_eq!(other.check(at(0), HOME, nonce.as_str()), NonceState::Stale);
    }

    #[test]
    fn a_count_is_accepted_once() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(0), HOME);
        let mut use_it = |nc| nonces.accept_nc(nonce.as_str(), nc);
        assert!(use_it(1) && use_it(2));
        assert!(!use_it(1) && !use_it(2) && !use_it(0), "replayed");
        assert!(use_it(5) && use_it(4) && !use_it(4), "overtaken on the way");
        assert!(use_it(100) && !use_it(36) && use_it(37) && !use_it(37), "the window is 64 wide");
        assert!(use_it(u32::MAX) && !use_it(100));
    }

    #[test]
    fn memory_is_bounded_and_forgetting_makes_stale() {
        let mut nonces = nonces();
        let minted: Vec<_> = (0..4).map(|_| nonces.mint(at(0), HOME)).collect();
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|index: usize| minted[index]);
        assert!(nonces.accept_nc(second.as_str(), 1) && nonces.accept_nc(third.as_str(), 1));
        assert_eq!(nonces.check(at(0), HOME, first.as_str()), NonceState::Fresh);
        assert!(nonces.accept_nc(fourth.as_str(), 1));
        assert_eq!(nonces.answered.len(), 2);
        for old in [first, second] {
            assert_eq!(nonces.check(at(0), HOME, old.as_str()), NonceState::Stale);
            assert!(!nonces.accept_nc(old.as_str(), 9), "a replay must not come back as new");
        }
        assert_eq!(nonces.check(at(0), HOME, third.as_str()), NonceState::Fresh);
    }

    #[test]
    fn unanswered_challenges_cost_no_memory() {
        let mut nonces = nonces();
        let nonce = nonces.mint(at(0), HOME);
        assert!(nonces.accept_nc(nonce.as_str(), 1));
        for _ in 0..10_000 {
            nonces.mint(at(1), AWAY);
        }
        assert_eq!(nonces.answered.len(), 1);
        assert_eq!(nonces.check(at(1), HOME, nonce.as_str()), NonceState::Fresh);
    }
}
