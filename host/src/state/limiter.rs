//! Counts memory and tables of one call against its limits, and remembers what was refused.
//!
//! A refused `memory.grow` only returns -1 to the guest, which then usually aborts. Without the note kept here
//! the error would say "unreachable" and nobody would know why.

use crate::{Fault, LimitKind};
use wasmtime::ResourceLimiter;

/// Something a guest asked for and did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) what: LimitKind,
    pub(crate) asked: u64,
    pub(crate) limit: u64,
}

/// The limiter of one store.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_limit: u64,
    memory: u64,
    peak_memory: u64,
    memory_step: u64,
    /// Whether the last step goes beyond what the memory itself says that it may have.
    over_maximum: bool,
    element_limit: u64,
    elements: u64,
    element_step: u64,
    instances: usize,
    refused: Option<Refused>,
}

impl Limiter {
    pub(crate) fn new(limits: &crate::Limits) -> Limiter {
        Limiter {
            memory_limit: limits.memory_bytes,
            memory: 0,
            peak_memory: 0,
            memory_step: 0,
            over_maximum: false,
            element_limit: u64::from(limits.table_elements),
            elements: 0,
            element_step: 0,
            instances: limits.instances as usize,
            refused: None,
        }
    }

    /// The last thing refused, if any.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Most linear memory at a time.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.peak_memory
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.memory_step = (desired - current) as u64;
        self.over_maximum = maximum.is_some_and(|maximum| desired > maximum);
        let total = self.memory + self.memory_step;
        if total > self.memory_limit {
            self.refused = Some(Refused { what: LimitKind::Memory, asked: total, limit: self.memory_limit });
            return Ok(false);
        }
        self.memory = total;
        self.peak_memory = self.peak_memory.max(total);
        Ok(true)
    }

    // Permitted here, but over the memory's own maximum: it was not taken after all. Else the machine has no memory left,
    // which the guest must not see: it would go on with a result that depends on the machine, in its name. The pool's
    // maximum cannot be it, since no limit is above that.
    fn memory_grow_failed(&mut self, why: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory -= self.memory_step;
        self.memory_step = 0;
        if self.over_maximum {
            return Ok(());
        }
        Err(Fault::Host { message: format!("the machine has no memory for it: {why}") }.into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.element_step = (desired - current) as u64;
        let total = self.elements + self.element_step;
        if total > self.element_limit {
            self.refused =
                Some(Refused { what: LimitKind::TableElements, asked: total, limit: self.element_limit });
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements -= self.element_step;
        self.element_step = 0;
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory_bytes: u64) -> Limiter {
        Limiter::new(&crate::Limits { memory_bytes, table_elements: 10, ..crate::Limits::default() })
    }

    #[test]
    fn all_memories_count_together() {
        let mut l = limiter(100);
        assert!(l.memory_growing(0, 60, None).unwrap());
        assert!(!l.memory_growing(0, 60, None).unwrap(), "a second memory does not double the limit");
        assert_eq!(l.refused(), Some(Refused { what: LimitKind::Memory, asked: 120, limit: 100 }));
        assert!(l.memory_growing(0, 40, None).unwrap());
        assert_eq!(l.peak_memory(), 100);
    }

    #[test]
    fn what_the_memory_itself_refused_is_not_counted() {
        let mut l = limiter(100);
        assert!(l.memory_growing(0, 90, Some(80)).unwrap());
        l.memory_grow_failed(wasmtime::Error::msg("over the maximum")).unwrap();
        assert!(l.memory_growing(0, 90, Some(100)).unwrap());
    }

    #[test]
    fn what_the_machine_has_no_memory_for_is_not_the_guests_fault() {
        let mut l = limiter(100);
        assert!(l.memory_growing(0, 90, Some(100)).unwrap());
        let error = l.memory_grow_failed(wasmtime::Error::msg("mprotect: no memory")).unwrap_err();
        assert_eq!(error.downcast_ref::<Fault>().map(Fault::kind), Some(crate::FaultKind::Unavailable));
        assert!(l.memory_growing(0, 90, Some(100)).unwrap(), "it was not taken");
    }

    #[test]
    fn tables_have_their_own_limit() {
        let mut l = limiter(100);
        assert!(!l.table_growing(0, 11, None).unwrap());
        assert_eq!(l.refused().map(|r| r.what), Some(LimitKind::TableElements));
    }
}
