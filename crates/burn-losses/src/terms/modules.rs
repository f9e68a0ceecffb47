//! The modules of terms.

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;
use std::ops::Deref;
use std::sync::Arc;

/// The modules of terms, in the order of the terms. A record holds each under the name of its term. Under its place in the order, the
/// state of one term would be loaded into another one as soon as a term is renamed, added or removed.
#[derive(Debug, Clone)]
pub(crate) struct ByTerm<M> {
    names: Arc<[String]>,
    modules: Vec<M>,
}

impl<M> ByTerm<M> {
    /// The modules with their names.
    pub(crate) fn new(terms: impl IntoIterator<Item = (String, M)>) -> Self {
        let (names, modules): (Vec<_>, _) = terms.into_iter().unzip();
        Self { names: names.into(), modules }
    }

    fn map_each(self, map: impl FnMut((&String, M)) -> M) -> Self {
        let modules = self.names.iter().zip(self.modules).map(map).collect();
        Self { names: self.names, modules }
    }
}

impl<M> Deref for ByTerm<M> {
    type Target = [M];

    fn deref(&self) -> &[M] {
        &self.modules
    }
}

/// What Burn's visitors are told about these modules.
const CONTAINER: &str = "Terms";

impl<M: Module> Module for ByTerm<M> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, module) in self.names.iter().zip(&self.modules) {
            visitor.enter_module(name, CONTAINER);
            module.visit(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }
    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        self.map_each(|(name, module)| {
            mapper.enter_module(name, CONTAINER);
            let module = module.map(mapper);
            mapper.exit_module(name, CONTAINER);
            module
        })
    }
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.modules.collect_devices(devices)
    }
    fn to_device(self, device: &Device) -> Self {
        self.map_each(|(_, module)| module.to_device(device))
    }
    fn fork(self, device: &Device) -> Self {
        self.map_each(|(_, module)| module.fork(device))
    }
    fn valid(&self) -> Self {
        Self { names: self.names.clone(), modules: self.modules.valid() }
    }
    fn train(self) -> Self {
        self.map_each(|(_, module)| module.train())
    }
    fn materialize(self) -> Self {
        self.map_each(|(_, module)| module.materialize())
    }
}

impl<M: ModuleDisplay> ModuleDisplayDefault for ByTerm<M> {
    fn content(&self, content: Content) -> Option<Content> {
        let terms = self.names.iter().zip(&self.modules);
        terms.fold(content.set_top_level_type(CONTAINER), |all, (name, module)| all.add(name, module)).optional()
    }
}

impl<M: ModuleDisplay> ModuleDisplay for ByTerm<M> {}
