//! The ids we mint. Each carries its shard in plain sight, so that whoever reads a packet knows who owns it.

use ringway_model::Random;

use crate::message::MAGIC_COOKIE;

const CALL_ID_PREFIX: &str = "rw";

/// The shard that owns everything with this Call-ID: the one it carries when we minted it, else one that the
/// text alone decides, so that all messages of a call meet.
pub fn shard_of(call_id: &str, shards: u8) -> u8 {
    let shards = shards.max(1);
    let carried = call_id.strip_prefix(CALL_ID_PREFIX).and_then(|rest| rest.get(..3)?.strip_suffix('-'));
    match carried.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(shard) => shard % shards,
        None => (fnv_1a(call_id.as_bytes()) % u32::from(shards)) as u8,
    }
}

/// `rw02-` and 128 random bits.
pub(super) fn call_id(shard: u8, random: &mut Random) -> String {
    format!("{CALL_ID_PREFIX}{shard:02x}-{:016x}{:016x}", random.u64(), random.u64())
}

/// The magic cookie, the shard and 64 random bits (RFC 3261 8.1.1.7).
pub(super) fn branch(shard: u8, random: &mut Random) -> String {
    format!("{MAGIC_COOKIE}{shard:02x}{:016x}", random.u64())
}

/// The shard and 64 bits, random or computed (RFC 3261 19.3).
pub(super) fn tag(shard: u8, bits: u64) -> String {
    format!("{shard:02x}{bits:016x}")
}

fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_call_id_leads_back_to_its_shard() {
        let mut random = Random::from_number(1);
        for shard in 0..3 {
            assert_eq!(shard_of(&call_id(shard, &mut random), 3), shard);
        }
    }

    #[test]
    fn foreign_call_ids_are_spread_and_always_find_the_same_shard() {
        let mut seen = [0; 3];
        for number in 0..300 {
            let call_id = format!("{number}@phone.example.com");
            assert_eq!(shard_of(&call_id, 3), shard_of(&call_id, 3));
            seen[usize::from(shard_of(&call_id, 3))] += 1;
        }
        assert!(seen.iter().all(|count| *count > 60), "{seen:?}");
        assert!(shard_of("rwff-x", 3) < 3);
        assert!(shard_of("rw", 0) < 1);
    }
}
