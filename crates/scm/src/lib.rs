//! Git hosts behind one trait, and file edits that change nothing else.
