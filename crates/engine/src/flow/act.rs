//! What a flow calls: async functions and closures over its context.

use std::pin::Pin;

type Call<C, T> = dyn for<'a> Fn(&'a mut C) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> + Send + Sync;

/// An async function or closure over `&mut C` whose future can move between threads.
///
/// Never implemented by hand: `async fn open(deploy: &mut Deploy) -> Result<(), Error>`, a method `Deploy::open` of that form,
/// `async |deploy| deploy.open().await` and `async move |deploy| deploy.collect(&occasion).await` all are one. Each call gets
/// a clone of the closure, so what a closure captures is `Clone`.
pub trait Act<C, T>: AsyncFnOnce(&mut C) -> T + for<'a> ActOn<'a, C, T> + Clone + Send + Sync + 'static {}

impl<C, T, F> Act<C, T> for F where F: AsyncFnOnce(&mut C) -> T + for<'a> ActOn<'a, C, T> + Clone + Send + Sync + 'static
{}

/// An [`Act`] at one lifetime of the context: it gives the future a name, since async closures alone cannot promise that
/// theirs is `Send`.
pub trait ActOn<'a, C: 'a, T>: FnOnce(&'a mut C) -> <Self as ActOn<'a, C, T>>::Future {
    /// What a call returns.
    type Future: Future<Output = T> + Send + 'a;
}

impl<'a, C: 'a, T, F: FnOnce(&'a mut C) -> R, R: Future<Output = T> + Send + 'a> ActOn<'a, C, T> for F {
    type Future = R;
}

/// An [`Act`] of any type.
pub(super) struct AnyAct<C, T>(Box<Call<C, T>>);

impl<C, T> AnyAct<C, T> {
    pub(super) fn new(act: impl Act<C, T>) -> Self {
        Self(Box::new(move |context| Box::pin(act.clone()(context))))
    }

    pub(super) async fn call(&self, context: &mut C) -> T {
        (self.0)(context).await
    }
}
