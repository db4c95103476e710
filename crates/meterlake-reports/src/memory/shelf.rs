//! Values of one kind, by key, bounded in bytes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::Weigh;

/// What came of making a value.
pub(crate) enum Made<V> {
    /// The value.
    Value(V),
    /// It is too large to be kept, or cannot be made for all at once: whoever asks reads the lake.
    Not,
}

/// A value, or that there is none to be had; empty until the first who asks has made it.
type Cell<V> = Arc<OnceCell<Option<Arc<V>>>>;

/// Values by key. Of each key one is kept, with what it was made of; the one that was longest not asked for gives way.
pub(crate) struct Shelf<K, V> {
    most: usize,
    places: Mutex<Places<K, V>>,
}

struct Places<K, V> {
    by_key: HashMap<K, Place<V>>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
}

struct Place<V> {
    /// The version of the table that was last found to have these files.
    version: u64,
    /// Names of the files that the value is made of. They never change, so neither does it.
    files: Arc<[Arc<str>]>,
    cell: Cell<V>,
    bytes: usize,
    used: u64,
}

/// Bytes of a place by itself.
const PLACE: usize = 256;

impl<K, V> Shelf<K, V> {
    /// At most so many bytes; with 0 nothing is ever kept.
    pub(crate) fn new(most: usize) -> Self {
        let places = Places { by_key: HashMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0 };
        Self { most, places: Mutex::new(places) }
    }
}

impl<K, V> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

impl<K: Clone + Eq + Hash, V: Weigh> Shelf<K, V> {
    /// The value of a key that tells everything that the value depends on: the one that is kept, else the one that
    /// `make` makes, once for all who ask at the same time; what fails or is given up is made by the next. One that is
    /// too large to be kept goes to those who wait for it. None when `make` says that there is none, which is kept,
    /// too. `beside` is what the key takes besides its own size.
    pub(crate) async fn once<F, E>(&self, key: K, beside: usize, make: impl FnOnce() -> F) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Made<V>, E>>,
    {
        let cell = self.cell(&key, 0, beside, &|| Arc::from([]), None);
        let mine = AtomicBool::new(false);
        let value = cell.get_or_try_init(|| async {
            mine.store(true, Ordering::Relaxed);
            match make().await? {
                Made::Value(value) => Ok(Some(Arc::new(value))),
                Made::Not => Ok::<_, E>(None),
            }
        });
        let value = value.await?.clone();
        if mine.into_inner() {
            self.weigh(&key, &cell, beside + value.as_ref().map_or(0, |value| value.bytes()));
        }
        Ok(value)
    }

    /// The value of `key` made of the files that `files` names in this version of the table; `make` makes it where it
    /// is not kept. Those who ask meanwhile wait for the first, and where that one goes away or fails, for the next.
    /// A value that does not satisfy `holds` is made anew. None when whoever asks has to read the lake.
    pub(crate) async fn get<F, E>(
        &self,
        key: K,
        version: u64,
        files: impl Fn() -> Arc<[Arc<str>]>,
        holds: impl Fn(&V) -> bool,
        make: impl Fn() -> F,
    ) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Made<V>, E>>,
    {
        if self.most == 0 {
            return Ok(None);
        }
        let mut cell = self.cell(&key, version, 0, &files, None);
        loop {
            let mine = AtomicBool::new(false);
            let value = cell.get_or_try_init(|| async {
                mine.store(true, Ordering::Relaxed);
                match make().await? {
                    Made::Value(value) if value.bytes() <= self.most => Ok(Some(Arc::new(value))),
                    Made::Value(_) | Made::Not => Ok::<_, E>(None),
                }
            });
            let value = value.await?.clone();
            let mine = mine.into_inner();
            if mine {
                self.weigh(&key, &cell, value.as_ref().map_or(0, |value| value.bytes()));
            }
            match &value {
                // Just made for this request: it cannot hold any better.
                Some(kept) if !mine && !holds(kept) => cell = self.cell(&key, version, 0, &files, Some(&cell)),
                _ => return Ok(value),
            }
        }
    }

    /// The cell of the key, a new one where the files are others, or where it is `stale`.
    fn cell(
        &self,
        key: &K,
        version: u64,
        beside: usize,
        files: &impl Fn() -> Arc<[Arc<str>]>,
        stale: Option<&Cell<V>>,
    ) -> Cell<V> {
        let mut places = self.places();
        let held = places.by_key.get(key).filter(|place| stale.is_none_or(|stale| !Arc::ptr_eq(stale, &place.cell)));
        let current = held.filter(|place| place.version == version).map(|place| Arc::clone(&place.cell));
        if let Some(cell) = current {
            places.touch(key);
            return cell;
        }
        let files = files();
        let same = held.filter(|place| place.files == files).map(|place| Arc::clone(&place.cell));
        let Some(cell) = same else {
            let cell = Cell::default();
            places.remove(key);
            if PLACE + beside <= self.most {
                let place = Place { version, files, cell: Arc::clone(&cell), bytes: beside, used: 0 };
                places.put(key, place);
                places.make_room(self.most);
            }
            return cell;
        };
        if let Some(place) = places.by_key.get_mut(key) {
            place.version = version;
        }
        places.touch(key);
        cell
    }

    /// Notes the weight of a value that was made, and makes room for it.
    fn weigh(&self, key: &K, cell: &Cell<V>, bytes: usize) {
        let mut places = self.places();
        let Some(place) = places.by_key.get_mut(key).filter(|place| Arc::ptr_eq(&place.cell, cell)) else { return };
        if PLACE + bytes > self.most {
            // It would throw out all others, and then itself.
            places.remove(key);
            return;
        }
        let more = bytes.saturating_sub(std::mem::replace(&mut place.bytes, bytes));
        places.bytes += more;
        places.make_room(self.most);
    }

    fn places(&self) -> MutexGuard<'_, Places<K, V>> {
        // No change can panic half way.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, V> Places<K, V> {
    fn put(&mut self, key: &K, place: Place<V>) {
        self.uses += 1;
        self.bytes += PLACE + place.bytes;
        self.by_use.insert(self.uses, key.clone());
        self.by_key.insert(key.clone(), Place { used: self.uses, ..place });
    }

    /// Lets go of what was longest not asked for.
    fn make_room(&mut self, most: usize) {
        while self.bytes > most {
            let Some(oldest) = self.by_use.values().next().cloned() else { return };
            self.remove(&oldest);
        }
    }

    fn touch(&mut self, key: &K) {
        self.uses += 1;
        let Some(place) = self.by_key.get_mut(key) else { return };
        if let Some(key) = self.by_use.remove(&place.used) {
            self.by_use.insert(self.uses, key);
        }
        place.used = self.uses;
    }

    fn remove(&mut self, key: &K) {
        if let Some(place) = self.by_key.remove(key) {
            self.by_use.remove(&place.used);
            self.bytes = self.bytes.saturating_sub(PLACE + place.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::ReportError;

    struct Heavy(usize);

    impl Weigh for Heavy {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn files(name: &'static str) -> impl Fn() -> Arc<[Arc<str>]> {
        move || Arc::from([Arc::from(name)])
    }

    struct Counted {
        shelf: Shelf<u32, Heavy>,
        made: AtomicUsize,
    }

    impl Counted {
        fn new(most: usize) -> Self {
            Self { shelf: Shelf::new(most), made: AtomicUsize::new(0) }
        }

        async fn get(&self, key: u32, version: u64, name: &'static str, weight: usize) -> Option<usize> {
            let make = || async {
                self.made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, ReportError>(Made::Value(Heavy(weight)))
            };
            self.shelf.get(key, version, files(name), |_| true, make).await.unwrap().map(|value| value.0)
        }

        fn made(&self) -> usize {
            self.made.swap(0, Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_value_lasts_as_long_as_its_files() {
        let it = Counted::new(10_000);
        assert_eq!((it.get(1, 1, "a", 5).await, it.get(1, 1, "a", 6).await), (Some(5), Some(5)));
        assert_eq!(
            (it.get(1, 2, "a", 7).await, it.get(1, 2, "b", 7).await),
            (Some(5), Some(5)),
            "one version, one state"
        );
        assert_eq!((it.get(1, 3, "b", 8).await, it.get(2, 3, "b", 9).await), (Some(8), Some(9)));
        assert_eq!(it.made(), 3);
    }

    #[tokio::test]
    async fn many_at_once_make_it_once() {
        let it = Arc::new(Counted::new(10_000));
        let askers = (0..20).map(|_| {
            let it = Arc::clone(&it);
            tokio::spawn(async move { it.get(1, 1, "a", 5).await })
        });
        for asker in askers.collect::<Vec<_>>() {
            assert_eq!(asker.await.unwrap(), Some(5));
        }
        assert_eq!(it.made(), 1);
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_the_least_used_gives_way() {
        let it = Counted::new(3 * (PLACE + 100));
        for key in [1, 2, 3, 1, 4] {
            it.get(key, 1, "a", 100).await;
        }
        assert_eq!(it.made(), 4);
        for key in [1, 3, 4] {
            it.get(key, 1, "a", 100).await;
        }
        assert_eq!(it.made(), 0);
        it.get(2, 1, "a", 100).await;
        assert_eq!(it.made(), 1);
        assert_eq!(it.get(9, 1, "a", 100_000).await, None, "too large to be kept");
        assert_eq!((it.get(9, 1, "a", 100_000).await, it.made()), (None, 1), "and made once to find out");
        let (bytes, keys, uses) = {
            let places = it.shelf.places();
            (places.bytes, places.by_key.len(), places.by_use.len())
        };
        assert!(bytes <= it.shelf.most && keys == uses, "{bytes}, {keys}, {uses}");
        let none = Counted::new(0);
        assert_eq!((none.get(1, 1, "a", 1).await, none.made()), (None, 0));
    }

    #[tokio::test]
    async fn what_its_key_tells_is_made_once_and_goes_to_all_who_wait() {
        let (shelf, made): (Shelf<String, Heavy>, _) = (Shelf::new(10_000), AtomicUsize::new(0));
        let get = async |key: &str, weight| {
            let make = || async {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                match weight {
                    0 => Err(ReportError::Request("no".to_owned())),
                    1 => Ok(Made::Not),
                    weight => Ok(Made::Value(Heavy(weight))),
                }
            };
            shelf.once(key.to_owned(), key.len(), make).await.map(|value| value.map(|value| value.0))
        };
        assert!(get("a", 0).await.is_err());
        let given_up = shelf.once("a".to_owned(), 1, std::future::pending::<Result<_, ReportError>>);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), given_up).await.is_err());
        let (one, two) = tokio::join!(get("a", 5), get("a", 6));
        assert_eq!((one.unwrap(), two.unwrap(), get("a", 7).await.unwrap()), (Some(5), Some(5), Some(5)));
        assert_eq!((get("b", 1).await.unwrap(), get("b", 5).await.unwrap()), (None, None));
        assert_eq!(made.swap(0, Ordering::Relaxed), 3);
        // Too large: to those who wait, then forgotten; nothing else has to go.
        let (one, two) = tokio::join!(get("c", 20_000), get("c", 20_001));
        assert_eq!((one.unwrap(), two.unwrap()), (Some(20_000), Some(20_000)));
        assert_eq!((get("c", 9).await.unwrap(), get("a", 9).await.unwrap()), (Some(9), Some(5)));
        assert_eq!(made.swap(0, Ordering::Relaxed), 2);
        // Keys count, also those of what fails.
        let long = "x".repeat(1000);
        for number in 0..100 {
            let _ = get(&format!("{number} {long}"), number % 3).await;
        }
        let places = shelf.places();
        assert!(places.bytes <= shelf.most && places.by_key.len() == places.by_use.len(), "{}", places.bytes);
        assert!(places.by_key.keys().any(|key| key.starts_with("99 ")) && !places.by_key.contains_key("a"));
    }

    #[tokio::test]
    async fn what_no_longer_holds_is_made_anew_and_an_error_is_not_kept() {
        let shelf: Shelf<u32, Heavy> = Shelf::new(10_000);
        let get = async |weight, least| {
            let make = || async move {
                match weight {
                    0 => Err(ReportError::Request("no".to_owned())),
                    weight => Ok(Made::Value(Heavy(weight))),
                }
            };
            shelf.get(1, 1, files("a"), |value| value.0 >= least, make).await.map(|value| value.map(|value| value.0))
        };
        assert!(get(0, 0).await.is_err());
        assert_eq!(get(5, 0).await.unwrap(), Some(5));
        assert_eq!(get(6, 5).await.unwrap(), Some(5));
        assert_eq!(get(7, 6).await.unwrap(), Some(7));
    }
}
