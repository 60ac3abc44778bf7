//! Phone numbers.

/// The number as E.164 (`+` and 7 to 15 digits, the first not zero) when `text` is written as one.
pub fn e164(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+')?;
    let plausible = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    plausible.then_some(text)
}

/// Whether a dialled user part asks for emergency services, or is their test number
/// (contract, runtime.md 5: 911, 933, 112, 999).
pub fn is_emergency(user: &str) -> bool {
    matches!(user.strip_prefix('+').unwrap_or(user), "911" | "933" | "112" | "999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_e164_from_other_users() {
        assert_eq!(e164("+15551234567"), Some("+15551234567"));
        for text in ["15551234567", "+0555123456", "+12345", "+1234567890123456", "+1555x234", "alice", "+"] {
            assert_eq!(e164(text), None, "{text}");
        }
    }

    #[test]
    fn knows_emergency_numbers() {
        assert!(is_emergency("911") && is_emergency("+112") && is_emergency("933"));
        assert!(!is_emergency("9110") && !is_emergency("alice"));
    }
}
