//! Who wants to hear of which reference.
//!
//! The follower tells what arrived after its rows can be read, so that whoever hears of a reference finds it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// References that someone waits for, and those of them that arrived.
pub struct Watch(Arc<Mutex<Wanted>>);

#[derive(Default)]
struct Wanted {
    by_collection: BTreeMap<String, HashSet<String>>,
    arrived: BTreeSet<(String, String)>,
}

impl Watch {
    /// Wants to hear of a reference, as `model::lookup::reference` names it.
    pub fn add(&self, collection: &str, reference: &str) {
        let mut wanted = lock(&self.0);
        match wanted.by_collection.get_mut(collection) {
            Some(references) => {
                references.insert(reference.to_owned());
            }
            None => {
                wanted.by_collection.insert(collection.to_owned(), HashSet::from([reference.to_owned()]));
            }
        }
    }

    /// Does not want to hear of it any more.
    pub fn remove(&self, collection: &str, reference: &str) {
        let mut wanted = lock(&self.0);
        if let Some(references) = wanted.by_collection.get_mut(collection) {
            references.remove(reference);
            if references.is_empty() {
                wanted.by_collection.remove(collection);
            }
        }
        wanted.arrived.remove(&(collection.to_owned(), reference.to_owned()));
    }

    /// Collections and references that arrived, or may have, since the last call: look them up again. They stay wanted
    /// until they are removed.
    pub fn arrived(&self) -> Vec<(String, String)> {
        std::mem::take(&mut lock(&self.0).arrived).into_iter().collect()
    }
}

/// All watches of a process.
#[derive(Default)]
pub(super) struct Watches(Mutex<Vec<Weak<Mutex<Wanted>>>>);

impl Watches {
    pub(super) fn open(&self) -> Watch {
        let wanted = Arc::default();
        let mut watches = lock(&self.0);
        watches.retain(|watch| watch.strong_count() > 0);
        watches.push(Arc::downgrade(&wanted));
        Watch(wanted)
    }

    /// Whether someone waits for a row of the collection.
    pub(super) fn wants(&self, collection: &str) -> bool {
        self.live().iter().any(|wanted| lock(wanted).by_collection.contains_key(collection))
    }

    /// Tells everyone who wants one of these references that it can be found now.
    pub(super) fn tell(&self, collection: &str, references: &[String]) {
        for wanted in self.live() {
            let mut wanted = lock(&wanted);
            let Wanted { by_collection, arrived } = &mut *wanted;
            let Some(known) = by_collection.get(collection) else { continue };
            let matching = references.iter().filter(|reference| known.contains(*reference));
            arrived.extend(matching.map(|reference| (collection.to_owned(), reference.clone())));
        }
    }

    /// Tells everyone that whatever they want of the collection may be there now.
    pub(super) fn tell_all(&self, collection: &str) {
        for wanted in self.live() {
            let mut wanted = lock(&wanted);
            let Wanted { by_collection, arrived } = &mut *wanted;
            let Some(known) = by_collection.get(collection) else { continue };
            arrived.extend(known.iter().map(|reference| (collection.to_owned(), reference.clone())));
        }
    }

    fn live(&self) -> Vec<Arc<Mutex<Wanted>>> {
        lock(&self.0).iter().filter_map(Weak::upgrade).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_hears_only_of_what_it_wants() {
        let watches = Watches::default();
        let (first, second) = (watches.open(), watches.open());
        first.add("shops", "no=1");
        second.add("shops", "no=2");
        second.add("shops", "no=3");
        second.remove("shops", "no=3");
        assert!(watches.wants("shops") && !watches.wants("customers"));
        let references: Vec<String> = ["no=1", "no=2", "no=3"].map(str::to_owned).into();
        watches.tell("shops", &references);
        watches.tell("customers", &references);
        assert_eq!(first.arrived(), [("shops".to_owned(), "no=1".to_owned())]);
        assert_eq!(first.arrived(), []);
        assert_eq!(second.arrived(), [("shops".to_owned(), "no=2".to_owned())]);
        drop((first, second));
        assert!(!watches.wants("shops"));
    }
}
