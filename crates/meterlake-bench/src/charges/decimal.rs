//! Whole numbers of a scale as decimal text.

/// Appends `value` times ten to the power of minus `scale`, without zeros at the end.
pub(super) fn push(out: &mut Vec<u8>, value: i128, scale: usize) {
    if value == 0 {
        out.push(b'0');
        return;
    }
    let mut digits = [b'0'; 48];
    let mut at = digits.len();
    let mut left = value.unsigned_abs();
    // In pieces that fit 64 bits, whose division is far cheaper.
    while left > 0 {
        let mut piece = (left % 1_000_000_000_000_000_000) as u64;
        left /= 1_000_000_000_000_000_000;
        let stop = at - 18;
        while piece > 0 {
            at -= 1;
            digits[at] = b'0' + (piece % 10) as u8;
            piece /= 10;
        }
        if left > 0 {
            at = stop;
        }
    }
    at = at.min(digits.len() - scale - 1);
    let point = digits.len() - scale;
    let end = digits.iter().rposition(|d| *d != b'0').map_or(point, |last| (last + 1).max(point));
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..point]);
    if end > point {
        out.push(b'.');
        out.extend_from_slice(&digits[point..end]);
    }
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn writes_the_shortest_text() {
        for (value, scale, text) in [
            (0, 4, "0"),
            (5, 0, "5"),
            (10, 1, "1"),
            (-105, 2, "-1.05"),
            (7, 12, "0.000000000007"),
            (1_000_000_000_000_000_000_000, 18, "1000"),
            (123_456_789_012_345_678_901_234, 22, "12.3456789012345678901234"),
            (1_000_000_000_000_000_001, 18, "1.000000000000000001"),
        ] {
            let mut out = Vec::new();
            push(&mut out, value, scale);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
