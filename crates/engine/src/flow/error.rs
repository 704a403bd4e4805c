//! Why a flow cannot be built, and why it could not be applied.

/// Why a flow cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The flow has an empty name.
    #[error("a flow has no name: give it one with its version, such as \"deploy/v1\"")]
    UnnamedFlow,
    /// Something in the flow has an empty name.
    #[error("something in {within} has no name: name it, since its name is what is saved")]
    Unnamed {
        /// The flow or the group, as in `flow "deploy/v1"`.
        within: String,
    },
    /// A name has a character that a saved position gives a meaning to, or one that cannot be seen.
    #[error(
        "the name {name:?} in {within} has {character:?}: a name has no '/', '[' or ']', and no control characters"
    )]
    Reserved {
        /// The name.
        name: String,
        /// The flow or the group that it is in.
        within: String,
        /// The first such character.
        character: char,
    },
    /// Two things have the same name in the same place, so a saved position could mean either.
    #[error("{within} has two of the name {name:?}: rename one, or put it into a group")]
    Duplicate {
        /// The name.
        name: String,
        /// The flow or the group that both are in.
        within: String,
    },
    /// There is nothing to do in the flow or in a group.
    #[error("{within} is empty: add a step or a wait")]
    Empty {
        /// The flow or the group.
        within: String,
    },
}

/// Why a flow could not be applied. The state that was given still holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// A step, a wait or a condition failed, and no retry around it takes the failure up. Applying the same state again
    /// tries it again.
    #[error("{at:?} of flow {flow:?} failed")]
    Failed {
        /// The flow's name.
        flow: String,
        /// What failed, as in `deploy/createRequest`.
        at: String,
        /// The failure.
        source: E,
    },
    /// The flow has no such position: it is not the flow that the state was saved under.
    #[error(
        "flow {flow:?} has no position {at:?}: it was changed since that was saved; keep a flow as it is as long as a \
         process follows it, and give the changed one another name"
    )]
    UnknownPosition {
        /// The flow's name.
        flow: String,
        /// The saved position.
        at: String,
    },
    /// The state belongs to another flow.
    #[error("the state is one of flow {saved:?}, not of {flow:?}: apply it to the flow of its own name")]
    OtherFlow {
        /// This flow's name.
        flow: String,
        /// The name in the state.
        saved: String,
    },
}
