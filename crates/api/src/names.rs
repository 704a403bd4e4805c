//! The names that Sluice puts on things, each in one place.

/// The API group of every kind.
pub const GROUP: &str = "sluice.dev";

/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";

/// Kept on a run while its abortion would have work to do, so that its deletion waits for that.
pub const FINALIZER: &str = "sluice.dev/abort";

/// The field manager of the controller's writes.
pub const FIELD_MANAGER: &str = "sluice-controller";

/// Label with the pipeline's name, on revisions.
pub const PIPELINE_LABEL: &str = "sluice.dev/pipeline";

/// The condition of a run that machines read: True, False, or Unknown until it has ended.
pub const SUCCEEDED: &str = "Succeeded";

/// The condition of a definition that can be used.
pub const READY: &str = "Ready";

/// What a name of a stage, step, hook, parameter or source looks like, so that expressions can name it.
pub const NAME_PATTERN: &str = "^[a-z][A-Za-z0-9]{0,62}$";

/// What to do about one that does not.
pub const NAME_HELP: &str = "use letters and digits, a small letter first, 63 at most";
