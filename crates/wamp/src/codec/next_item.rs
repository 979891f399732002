//! The positions that readers of binary formats have in common.

/// What comes next at a reader's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextItem {
    /// A value.
    Value,
    /// A key.
    Key,
    /// The end of the innermost list or map.
    End,
    /// The outermost value has ended.
    Nothing,
}
