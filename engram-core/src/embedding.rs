//! An embedding as the bytes that a CID covers.

use crate::error::{Kind, Refusal};
use crate::limits::{DIMENSIONS, EMBEDDING_BYTES, MAX_SQUARES, MIN_SQUARES};

const LANES: usize = 8;

/// 384 finite float32 with a norm in bounds and no -0, as little-endian bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedding([u8; EMBEDDING_BYTES]);

impl Embedding {
    /// Check float32 components.
    ///
    /// # Errors
    /// `InvalidEmbedding` for a wrong number of them, one that is not finite, or a bad norm.
    pub fn from_components(components: &[f32]) -> Result<Self, Refusal> {
        require_dimensions(components.len())?;
        require_norm(components)?;
        let mut bytes = [0; EMBEDDING_BYTES];
        for (four, component) in bytes.chunks_exact_mut(4).zip(components) {
            four.copy_from_slice(&(component + 0.0).to_le_bytes()); // -0 + 0 is +0
        }
        Ok(Self(bytes))
    }

    /// Round binary64 components to the nearest float32, ties to even, and check them.
    ///
    /// # Errors
    /// As `from_components`.
    pub fn from_doubles(components: &[f64]) -> Result<Self, Refusal> {
        #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
        let rounded: Vec<f32> = components.iter().map(|&double| double as f32).collect();
        Self::from_components(&rounded)
    }

    /// Check little-endian float32 bytes.
    ///
    /// # Errors
    /// As `from_components`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() != EMBEDDING_BYTES {
            let count = bytes.len();
            let message = format!("embedding must be {EMBEDDING_BYTES} bytes, not {count}");
            return Err(invalid(message));
        }
        let mut components = [0.0; DIMENSIONS];
        for (component, four) in components.iter_mut().zip(bytes.chunks_exact(4)) {
            *component = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }
        Self::from_components(&components)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; EMBEDDING_BYTES] {
        &self.0
    }
}

/// The refusal of an embedding.
pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Kind::InvalidEmbedding, message)
}

/// Refuse any other number of components than a record has.
///
/// # Errors
/// `InvalidEmbedding`.
pub fn require_dimensions(count: usize) -> Result<(), Refusal> {
    if count == DIMENSIONS {
        return Ok(());
    }
    Err(invalid(format!("embedding must have {DIMENSIONS} components, not {count}")))
}

fn require_norm(components: &[f32]) -> Result<(), Refusal> {
    // Whatever the order of summation, the error is far below a part in a million.
    let rough = rough_squares(components);
    if rough > MIN_SQUARES * 1.000_001 && rough < MAX_SQUARES * 0.999_999 {
        return Ok(());
    }
    let squares = squares(components);
    if (MIN_SQUARES..=MAX_SQUARES).contains(&squares) {
        return Ok(());
    }
    if let Some(index) = components.iter().position(|component| !component.is_finite()) {
        return Err(invalid(format!("component {index} is not a finite float32")));
    }
    let norm = squares.sqrt();
    Err(invalid(format!("embedding has norm {norm:.2e}; it must be within 1e-12..1e12")))
}

/// The sum that the protocol defines: in binary64, from the first component on. A NaN or an
/// infinity leaves the bounds too.
fn squares(components: &[f32]) -> f64 {
    components.iter().map(|&c| f64::from(c) * f64::from(c)).sum()
}

/// The same sum in parallel lanes, four times as fast.
fn rough_squares(components: &[f32]) -> f64 {
    let mut lanes = [0.0; LANES];
    for chunk in components.chunks_exact(LANES) {
        for (lane, &component) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(component) * f64::from(component);
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(double: f64) -> Result<[u8; 4], Refusal> {
        let mut components = [1.0; DIMENSIONS];
        components[0] = double;
        let bytes = Embedding::from_doubles(&components)?.0;
        Ok([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    #[test]
    fn doubles_round_to_nearest_even() {
        assert_eq!(first(-0.0).unwrap(), [0; 4]);
        assert_eq!(first(1.000_000_059_604_644_8).unwrap(), 1.0f32.to_le_bytes());
        assert_eq!(first(-1e-45).unwrap(), [1, 0, 0, 0x80]);
        assert_eq!(first(1e-46).unwrap(), [0; 4]);
    }

    #[test]
    fn the_greatest_float32_is_finite_but_too_long() {
        assert!(first(3.402_823_5e38).unwrap_err().message.contains("norm"));
        assert!(first(3.402_823_6e38).unwrap_err().message.contains("finite"));
    }

    #[test]
    fn not_a_number_is_named() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(first(bad).unwrap_err().message.starts_with("component 0"));
        }
    }

    #[test]
    fn zero_and_wrong_lengths_are_refused() {
        assert!(Embedding::from_components(&[0.0; DIMENSIONS]).is_err());
        assert!(Embedding::from_components(&[1.0; DIMENSIONS - 1]).is_err());
        assert!(Embedding::from_bytes(&[1; EMBEDDING_BYTES + 1]).is_err());
    }
}
