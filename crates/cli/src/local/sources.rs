//! The good runs that a run here takes for the sources of its pipeline: of those in the state directory.

use kube::{Resource, ResourceExt};
use sluice_api::{
    FromSource, PinnedSource, PipelineRun, RunName, Source, SourcePipeline, Unresolved, Went, bounded, went_well,
};

use super::{Error, Objects, Remembered, StateDirectory};
use crate::shell::{own_command, quoted};

/// Where good runs are looked for.
pub(super) struct Look<'a> {
    pub(super) directory: &'a StateDirectory,
    pub(super) namespace: &'a str,
    pub(super) objects: &'a Objects,
    pub(super) remembered: &'a Remembered,
}

impl Look<'_> {
    /// The good run of each source: the newest one, or the one that `from` names.
    pub(super) fn resolve(
        &self,
        sources: &[Source],
        from: &[FromSource],
    ) -> Result<Result<Vec<PinnedSource>, Unresolved>, Error> {
        if let Some(unknown) = from.iter().find(|from| sources.iter().all(|source| source.name != from.source)) {
            return Ok(Err(Unresolved::unknown_source(&unknown.source, sources)));
        }
        if sources.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let runs = self.runs()?;
        let pin = |source: &Source| match from.iter().find(|from| from.source == source.name) {
            Some(from) => named(source, &from.run_ref.name, &runs),
            None => self.newest(source, &runs),
        };
        Ok(sources.iter().map(pin).collect::<Result<_, _>>().and_then(bounded))
    }

    /// The runs of the namespace. One that cannot be read is no good one.
    fn runs(&self) -> Result<Vec<PipelineRun>, Error> {
        let names = self.directory.names()?;
        let runs = names.iter().filter_map(|name| self.directory.run(name).ok().flatten());
        Ok(runs.filter(|run| run.meta().namespace.as_deref() == Some(self.namespace)).collect())
    }

    fn newest(&self, source: &Source, runs: &[PipelineRun]) -> Result<PinnedSource, Unresolved> {
        let good = runs.iter().filter_map(|run| Some((run, good(source, run)?)));
        let newest = good.max_by(|(a, went), (b, other)| (went.at, a.uid()).cmp(&(other.at, b.uid())));
        match newest {
            Some((run, went)) => pin(source, run, &went),
            None => Err(self.no_good_run(source)),
        }
    }

    fn no_good_run(&self, source: &Source) -> Unresolved {
        let name = &source.pipeline_ref.name;
        let pipeline = self.objects.pipelines.iter().find(|pipeline| pipeline.name_any() == *name);
        let its = pipeline.map(|pipeline| SourcePipeline::of(&pipeline.spec));
        Unresolved::no_good_run(source, "among the manifests", its.as_ref(), &self.command(name))
    }

    /// What makes a run of a pipeline here.
    fn command(&self, pipeline: &str) -> String {
        let Remembered { manifests, standard_input, .. } = self.remembered;
        let here = std::env::current_dir().unwrap_or_default();
        let files = manifests.iter().map(|path| match path.strip_prefix(&here) {
            Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
            Ok(inside) => inside.display().to_string(),
            Err(_) => path.display().to_string(),
        });
        let input = standard_input.then(|| "-".to_owned());
        let files: String = files.chain(input).map(|path| format!(" -f {}", quoted(&path))).collect();
        let beside = StateDirectory::beside(&self.remembered.directory());
        let is_beside = self.directory.path().canonicalize().ok() == beside.path().canonicalize().ok();
        let state = if is_beside {
            String::new()
        } else {
            format!(" --state {}", quoted(&self.directory.path().display().to_string()))
        };
        format!("{} run{files}{state} --pipeline {pipeline}", own_command())
    }
}

fn named(source: &Source, name: &str, runs: &[PipelineRun]) -> Result<PinnedSource, Unresolved> {
    let Some(run) = runs.iter().find(|run| run.name_any() == name) else {
        return Err(Unresolved::not_found(source, name));
    };
    if run.spec.pipeline_ref != source.pipeline_ref {
        return Err(Unresolved::of_another(source, name, &run.spec.pipeline_ref.name));
    }
    match good(source, run) {
        Some(went) => pin(source, run, &went),
        None => Err(Unresolved::not_good(source, name)),
    }
}

/// What the source takes of a run, if it is a good one.
fn good<'r>(source: &Source, run: &'r PipelineRun) -> Option<Went<'r>> {
    let state = &run.status.as_ref()?.state;
    let is_of_it = run.spec.pipeline_ref == source.pipeline_ref;
    went_well(state).find(|went| is_of_it && source.takes(went))
}

fn pin(source: &Source, run: &PipelineRun, went: &Went<'_>) -> Result<PinnedSource, Unresolved> {
    source.pin(RunName { name: run.name_any(), uid: run.uid().unwrap_or_default() }, went.outputs())
}
