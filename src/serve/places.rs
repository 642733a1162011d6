//! Who has which of the places for connections, and who leaves when all are taken: one of the address
//! with the most connections, first the one that is silent longest.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Counts what happens, so that older and younger can be told apart.
    turn: u64,
    /// By the turn in which they came.
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    peer: IpAddr,
    /// Since which turn nothing is under way.
    idle: Option<u64>,
    leave: CancellationToken,
}

/// A place that is taken. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    asked: AtomicBool,
    leave: CancellationToken,
}

/// A request under way; over when this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Place>);

impl Places {
    /// So many.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// A place for whoever comes from there. When all are taken, somebody has to leave for it;
    /// `None` when nobody has more of them than this one.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Arc<Place>> {
        let leave = CancellationToken::new();
        let mut taken = self.taken();
        if taken.seats.len() >= self.most {
            let number = taken.who_leaves(peer)?;
            taken.seats.remove(&number)?.leave.cancel();
        }
        let number = taken.next();
        taken.seats.insert(number, Seat { peer, idle: Some(number), leave: leave.clone() });
        drop(taken);
        Some(Arc::new(Place { places: Arc::clone(self), number, asked: AtomicBool::new(false), leave }))
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().expect("no holder of the lock panics")
    }
}

/// The address as one asker may have it: of IPv6 everybody has a whole network.
pub(super) fn house(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

impl Taken {
    fn next(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn who_leaves(&self, newcomer: IpAddr) -> Option<u64> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for seat in self.seats.values() {
            *counts.entry(seat.peer).or_default() += 1;
        }
        let (greedy, many) = counts.iter().max_by_key(|(_, count)| **count)?;
        let idle = self.seats.iter().filter_map(|(number, seat)| Some((number, counts[&seat.peer], seat.idle?)));
        // Whoever keeps many busy may not push out those who have a few, and are silent for a moment.
        if let Some((number, count, _)) = idle.max_by_key(|(_, count, since)| (*count, std::cmp::Reverse(*since)))
            && *many <= count + 1
        {
            return Some(*number);
        }
        let of_newcomer = counts.get(&newcomer).copied().unwrap_or(0) + 1;
        if *many <= of_newcomer {
            return None;
        }
        self.seats.iter().find(|(_, seat)| seat.peer == *greedy).map(|(number, _)| *number)
    }
}

impl Place {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.asked.store(true, Ordering::Relaxed);
        if let Some(seat) = self.places.taken().seats.get_mut(&self.number) {
            seat.idle = None;
        }
        Busy(Arc::clone(self))
    }

    /// Whether there was any request yet.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Over when somebody else has the place.
    pub(super) async fn lost(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut taken = self.0.places.taken();
        let turn = taken.next();
        if let Some(seat) = taken.seats.get_mut(&self.0.number) {
            seat.idle = Some(turn);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn lost(places: &[Arc<Place>]) -> Vec<usize> {
        (0..places.len()).filter(|at| places[*at].leave.is_cancelled()).collect()
    }

    #[test]
    fn the_longest_silent_of_the_address_with_the_most_leaves_first() {
        let places = Places::new(4);
        let taken: Vec<_> = [1, 2, 2, 2].map(|last| places.take(peer(last)).expect("free")).into();
        // The second speaks, and is silent again: the third is silent longest.
        drop(taken[1].begin());
        let _other = places.take(peer(3)).expect("somebody leaves");
        assert_eq!(lost(&taken), [2], "address 1 came first, and has only the one");
        let _busy = taken[1].begin();
        let _another = places.take(peer(3)).expect("somebody leaves");
        assert_eq!(lost(&taken), [2, 3]);
    }

    #[test]
    fn who_is_busy_leaves_only_for_somebody_with_fewer() {
        let places = Places::new(3);
        let taken: Vec<_> = [1, 1, 1].map(|last| places.take(peer(last)).expect("free")).into();
        let _busy: Vec<_> = taken.iter().map(Place::begin).collect();
        assert!(places.take(peer(1)).is_none(), "its own requests go on");
        let health = places.take(peer(2)).expect("room for others");
        let _asks = health.begin();
        assert_eq!(lost(&taken), [0]);
        assert!(places.take(peer(2)).is_none(), "two and two: nobody has more");
    }

    /// Somebody with nearly all places, each with a request under way, pushed out the scraper whose only
    /// connection was silent between two scrapes.
    #[test]
    fn who_keeps_many_busy_pushes_out_nobody_with_a_few() {
        let places = Places::new(4);
        let polite = places.take(peer(9)).expect("free");
        let greedy: Vec<_> = [1, 1, 1].map(|last| places.take(peer(last)).expect("free")).into();
        let _busy: Vec<_> = greedy.iter().map(Place::begin).collect();
        assert!(places.take(peer(1)).is_none(), "it has most of them itself");
        let _other = places.take(peer(2)).expect("room for others");
        assert_eq!((lost(&greedy), polite.leave.is_cancelled()), (vec![0], false));
        // Where all have about as many, the silent one leaves.
        let another = places.take(peer(3)).expect("somebody leaves");
        assert!(polite.leave.is_cancelled() && !another.leave.is_cancelled());
        assert_eq!(lost(&greedy), [0]);
    }

    #[test]
    fn a_place_is_free_again_and_one_that_was_lost_frees_no_other() {
        let places = Places::new(1);
        let first = places.take(peer(1)).expect("free");
        let busy = first.begin();
        drop(busy);
        let second = places.take(peer(1)).expect("the first is idle");
        drop(first);
        assert_eq!(places.taken().seats.len(), 1);
        drop(second);
        assert_eq!(places.taken().seats.len(), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_asker() {
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(house(parse("2001:db8:1:2::7")), house(parse("2001:db8:1:2:aaaa::1")));
        assert_ne!(house(parse("2001:db8:1:2::7")), house(parse("2001:db8:1:3::7")));
        assert_eq!(house(parse("::ffff:10.0.0.1")), parse("10.0.0.1"));
    }
}
