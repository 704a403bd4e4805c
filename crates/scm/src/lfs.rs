//! Files in git LFS, of which the repository holds a pointer only.

const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What to do about one.
pub(crate) const REMEDY: &str = "it is in LFS; keep it in the repository itself";

/// Whether this content is such a pointer.
pub(crate) fn is_pointer(content: &[u8]) -> bool {
    content.starts_with(POINTER)
}
